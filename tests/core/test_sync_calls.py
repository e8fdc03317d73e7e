"""How little a call costs: what changed goes with the first one, and the receiver is compiled once."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from core.opened_files import files_opened
from runctl_core.sync import select, send
from syncing import Machine, contents, deliver, put, write


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr("runctl_core.sync.hashes._SETTLED_NS", -(10**18))  # as if all were made long ago
    root = tmp_path / "project"
    write(root, train="1", lib__a="a", lib__b="b" * 1000)
    return root


def test_what_changed_and_what_is_new_needs_one_call(project: Path, tmp_path: Path) -> None:
    deliver(Machine(), project, tmp_path / "there")
    put(project, "train", "22")
    put(project, "new", "333")
    machine = Machine()
    sent = deliver(machine, project, tmp_path / "there")
    assert contents(sent.tree) == contents(project)
    assert (sent.files_sent, sent.bytes_sent, sent.files_unchanged) == (2, 5, 2)
    assert machine.calls == 1, "a change costs a second call"


def test_a_new_project_needs_one_call_and_each_file_is_read_once(project: Path, tmp_path: Path) -> None:
    machine = Machine()
    with files_opened() as opened:
        sent = deliver(machine, project, tmp_path / "there")
    assert contents(sent.tree) == contents(project)
    assert (sent.files_sent, sent.bytes_sent, machine.calls) == (3, 1002, 1)
    for name in ("train", "lib/a", "lib/b"):
        assert opened.count(str(project / name)) == 1, f"{name} is read again and again"


def test_much_that_a_machine_has_is_not_sent_by_somebody_who_never_sent_it(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = os.urandom(33_000_000)
    put(project, "model", large)
    deliver(Machine(), project, tmp_path / "there")
    put(project, "other", os.urandom(33_000_001))
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path / "another state"))
    machine = Machine()
    sent = deliver(machine, project, tmp_path / "there")
    assert contents(sent.tree) == contents(project)
    assert (sent.files_sent, sent.bytes_sent, sent.files_unchanged) == (1, 33_000_001, 4)
    assert machine.received < 34_000_000, "a content that the machine has was sent"


def test_a_file_that_grows_while_it_is_read_arrives_as_it_is_then(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(project, "train", b"1" * 3_000_000)
    sizes = iter([3_000_000, 4_000_000])

    def grows(_done: int, _total: int) -> None:
        if (size := next(sizes, None)) is not None:
            path.write_bytes(b"2" * size)

    sent = send(
        Machine(), select(str(project)), str(tmp_path / "there"), python=sys.executable, progress=grows
    )
    assert (Path(sent.tree) / "train").read_bytes() == b"2" * 4_000_000


def test_what_changed_goes_to_a_machine_that_has_nothing_too(project: Path, tmp_path: Path) -> None:
    deliver(Machine(), project, tmp_path / "there")
    put(project, "train", "22")
    sent = deliver(Machine(), project, tmp_path / "elsewhere")
    assert contents(sent.tree) == contents(project)
    assert (sent.files_sent, sent.files_unchanged) == (3, 0)


def test_a_large_change_is_not_sent_before_it_is_asked_for(project: Path, tmp_path: Path) -> None:
    large = os.urandom(33_000_000)
    deliver(Machine(), project, tmp_path / "there")
    put(project, "train", large)
    deliver(Machine(), project, tmp_path / "there")
    put(project, "again", large)
    machine = Machine()
    sent = deliver(machine, project, tmp_path / "there")
    assert contents(sent.tree) == contents(project)
    assert machine.received < len(large), "a content that the machine has was sent"


def _kept(there: Path) -> Path:
    (kept,) = there.glob("receiver-*")
    return kept


def test_the_receiver_is_compiled_once(project: Path, tmp_path: Path) -> None:
    deliver(Machine(), project, tmp_path / "there")
    before = _kept(tmp_path / "there").stat()
    put(project, "train", "2")
    deliver(Machine(), project, tmp_path / "there")
    assert _kept(tmp_path / "there").stat().st_ino == before.st_ino, "each call compiles it"
    assert before.st_mode & 0o777 == 0o600, "others could change what is executed"


@pytest.mark.parametrize("damage", [b"", b"123", b"\0" * 5000])
def test_a_damaged_compiled_receiver_is_made_again(project: Path, tmp_path: Path, damage: bytes) -> None:
    deliver(Machine(), project, tmp_path / "there")
    kept = _kept(tmp_path / "there")
    whole = kept.read_bytes()
    kept.write_bytes(damage)
    put(project, "train", "2")
    assert contents(deliver(Machine(), project, tmp_path / "there").tree) == contents(project)
    assert kept.read_bytes()[:4] == whole[:4]


def test_a_compiled_receiver_that_others_may_write_is_not_executed(project: Path, tmp_path: Path) -> None:
    deliver(Machine(), project, tmp_path / "there")
    kept = _kept(tmp_path / "there")
    before = kept.stat().st_ino
    kept.chmod(0o666)
    put(project, "train", "2")
    deliver(Machine(), project, tmp_path / "there")
    assert kept.stat().st_ino != before
    assert kept.stat().st_mode & 0o777 == 0o600
