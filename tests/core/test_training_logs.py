"""A log is read at any offset and from any number of lines before its end, each byte once."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_core.clock import now
from runctl_core.errors import NotFound
from runctl_core.models.runs import Run, RunState
from runctl_core.runner_executor import RunnerExecutor
from runctl_core.training.kept_log import log_path
from runctl_core.training.logs import LogSource, tail_offset
from runctl_core.transport.local import LocalTransport

CONTENTS = st.one_of(
    st.binary(max_size=300),
    st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\r\n", b"\n\n", "é".encode(), b"\0"])).map(b"".join),
    # Longer than a block, with the line ends where blocks meet.
    st.lists(st.integers(65_530, 65_542)).map(lambda sizes: b"\n".join(b"x" * size for size in sizes[:4])),
)


def _last_lines(data: bytes, lines: int) -> bytes:
    """What a terminal counts as the last lines, said in another way than the code does."""
    every = BytesIO(data).readlines()
    return b"".join(every[-lines:]) if lines else b""


@given(data=CONTENTS, lines=st.integers(0, 6), most=st.integers(1, 200_000))
def test_the_tail_is_the_last_lines_however_little_a_read_gives(data: bytes, lines: int, most: int) -> None:
    most = max(most, len(data) // 50)
    offset = tail_offset(lambda at, limit: data[at : at + min(limit, most)], len(data), lines)
    assert data[offset:] == _last_lines(data, lines)


def _run(state: RunState) -> Run:
    return Run("brave-otter-41", "n", "p", "o", "local", "s.py", "/", state, now(), resource_id="r")


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of jobs on a machine that shares our files."""
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "jobs" / "brave-otter-41-1").mkdir(parents=True)
    return tmp_path / "jobs"


def _bring_home(data: bytes) -> None:
    path = Path(log_path("brave-otter-41", 1))
    path.parent.mkdir(parents=True)
    path.write_bytes(data)


def test_a_live_log_is_read_on_its_machine_and_a_finished_one_at_home(jobs: Path) -> None:
    log = jobs / "brave-otter-41-1" / "log"
    log.write_bytes(b"one\ntwo\n")
    executor = RunnerExecutor(LocalTransport(), str(jobs))
    assert b"".join(LogSource(_run(RunState.RUNNING), executor).pieces(4)) == b"two\n"
    assert LogSource(_run(RunState.RUNNING), executor).size() == 8
    _bring_home(b"one\ntwo\nthree\n")
    assert b"".join(LogSource(_run(RunState.SUCCEEDED)).pieces(4)) == b"two\nthree\n"


def test_a_reader_goes_on_at_home_when_the_machine_goes_away_in_between(jobs: Path) -> None:
    log = jobs / "brave-otter-41-1" / "log"
    log.write_bytes(b"0123456789")
    source = LogSource(_run(RunState.RUNNING), RunnerExecutor(LocalTransport(), str(jobs)))
    seen = source.read(0, 4)
    log.unlink()
    _bring_home(b"0123456789")
    assert seen + b"".join(source.pieces(len(seen))) == b"0123456789"


@pytest.mark.parametrize(
    ("state", "attempt", "why"),
    [
        (RunState.SETTING_UP, 1, "the run is setting_up: nothing was printed yet"),
        (RunState.FAILED, 1, "nothing was started"),
        (RunState.FAILED, 7, "its latest attempt is 1"),
    ],
)
def test_a_log_that_is_not_there_is_explained(jobs: Path, state: RunState, attempt: int, why: str) -> None:
    with pytest.raises(NotFound) as caught:
        LogSource(_run(state), attempt=attempt).read(0)
    assert why in caught.value.why
