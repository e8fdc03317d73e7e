"""Training that runctl did not start is shown, and never ended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from homes import wait_for
from runctl_core.api import InvalidRequest, Resource
from runctl_local.processes import looks_like_training

from .conftest import H100, Driver, Local, spec

SLEEPS = "import sys; sys.stdin.read()"
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts Python with words that are given, in a folder with scripts that wait."""
    started: list[subprocess.Popen[bytes]] = []
    for name, text in {
        "train.py": SLEEPS,
        "serve.py": SLEEPS,
        "parent_train.py": "import subprocess, sys; subprocess.run([sys.executable, 'train.py'])",
    }.items():
        (tmp_path / name).write_text(text)

    def begin(*words: str, **env: str) -> subprocess.Popen[bytes]:
        environ = {**os.environ, **env}
        started.append(
            subprocess.Popen(
                [sys.executable, *words],
                cwd=tmp_path,
                env=environ,
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
        )
        return started[-1]

    yield begin
    for process in started:
        process.stdin.close()
        process.wait()


def _listed(local: Local, pid: int) -> list[Resource]:
    return [found for found in local.list_resources() if found.id.startswith(f"pid-{pid}-")]


def test_a_training_that_runctl_did_not_start_is_shown_as_unmanaged(local: Local, start: Start) -> None:
    process = start("train.py", "--epochs", "3")
    (found,) = wait_for(lambda: _listed(local, process.pid), why="the training is listed")
    assert (found.kind, found.managed, found.run_id) == ("process", False, None)
    assert found.note.endswith("train.py --epochs 3")
    assert (found.price.known, found.price.hourly_usd) == (True, 0)
    assert local.get_resource(found.id) == found


def test_it_is_never_ended(local: Local, start: Start) -> None:
    process = start("train.py")
    (found,) = wait_for(lambda: _listed(local, process.pid))
    with pytest.raises(InvalidRequest) as caught:
        local.terminate_resource(found.id)
    assert caught.value.fix == f"kill {process.pid}"
    assert process.poll() is None


def test_other_programs_are_not_shown_unless_they_are_on_a_gpu(
    local: Local, driver: Driver, start: Start
) -> None:
    process = start("serve.py")
    wait_for(lambda: b"serve.py" in Path(f"/proc/{process.pid}/cmdline").read_bytes())
    assert _listed(local, process.pid) == []
    driver.shows(H100)
    driver.computes((process.pid, "GPU-a"))
    assert len(_listed(local, process.pid)) == 1


def test_workers_of_a_training_are_not_counted_as_trainings(local: Local, start: Start) -> None:
    process = start("parent_train.py")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wait_for(lambda: children.read_text())
    (child,) = children.read_text().split()
    wait_for(lambda: b"train.py" in Path(f"/proc/{child}/cmdline").read_bytes())
    assert len(_listed(local, process.pid)) == 1
    assert _listed(local, int(child)) == []


def test_what_runctl_started_is_shown_as_its_slot_alone(local: Local, start: Start) -> None:
    made = local.create_resource(spec(local.offer()))
    (local.work / "train.py").write_text("import time; time.sleep(60)")
    executor = local.executor(made)
    executor.start(local.job("import sys, os; os.execv(sys.executable, [sys.executable, 'train.py'])"))
    pid = wait_for(lambda: executor.status("otter-1").pid)
    wait_for(lambda: b"train.py" in Path(f"/proc/{pid}/cmdline").read_bytes())
    assert _listed(local, pid) == []
    assert local.slot_ids() == [made.id]


@pytest.mark.parametrize(
    ("line", "trains"),
    [
        ("python train.py", True),
        ("/usr/bin/python3.11 -u src/pretrain_gpt.py --lr 1", True),
        ("python -X dev -W ignore finetune.py", True),
        ("python -m torch.distributed.run --nproc-per-node 2 main.py", True),
        ("python -m mypackage.train", True),
        ("python /venv/bin/accelerate launch main.py", True),
        ("/venv/bin/torchrun main.py", True),
        ("python run_sft.py", True),
        ("python", False),
        ("python -c train()", False),
        ("python -m pytest tests/test_train.py", False),
        ("python constraints.py", False),
        ("python endpoint.py", False),
        ("python serve.py --model train", False),
        ("vim train.py", False),
        ("python /usr/bin/runctl train train.py", False),
    ],
)
def test_a_command_line_that_trains_is_told_from_one_that_does_not(line: str, trains: bool) -> None:
    assert looks_like_training(tuple(line.split())) is trains
