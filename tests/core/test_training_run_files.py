"""`RUN:path` on a machine that shares no files: fetched into a folder that is gone afterwards."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from homes import wait_for
from runctl_core.errors import NotFound, Refused
from runctl_core.models.jobs import Job
from runctl_core.models.runs import Run, RunState
from runctl_core.paths import run_dir
from runctl_core.runner_executor import RunnerExecutor
from runctl_core.training.plan import Plan
from runctl_core.training.run_files import readable, writable
from runctl_core.transport.local import LocalTransport

SCRIPT = """
import os, pathlib, time
pathlib.Path("results").mkdir()
pathlib.Path("results/metrics.json").write_text("{}")
pathlib.Path(os.environ["RUNCTL_CHECKPOINT_DIR"], "step-1.pkl").write_bytes(b"saved")
print("begun", flush=True)
time.sleep(600)
"""


class Elsewhere(LocalTransport):
    """A machine whose files are not ours."""

    shares_files = False


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Plan, RunnerExecutor]]:
    """A run that goes on there."""
    root = tmp_path_factory.mktemp("machine")
    (root / "there").mkdir()
    executor = RunnerExecutor(Elsewhere(), str(root / "slot"), python=sys.executable)
    command = (sys.executable, "-c", SCRIPT)
    executor.start(Job(id="calm-otter-11-1", command=command, workdir=str(root / "there")))
    wait_for(lambda: executor.logs("calm-otter-11-1", 0) == b"begun\n")
    made = Run(
        id="calm-otter-11",
        name="s",
        project="p",
        owner="o",
        provider="far",
        script="s.py",
        directory="/",
        state=RunState.RUNNING,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNCTL_STATE_DIR", str(root / "state"))
        yield made, Plan(provider="far", command=("s.py",), workdir=str(root / "here")), executor
    executor.destroy()


@pytest.mark.parametrize(
    ("path", "file", "data"),
    [
        ("results", "metrics.json", b"{}"),
        ("results/metrics.json", "", b"{}"),
        ("checkpoints", "step-1.pkl", b"saved"),
        ("checkpoints/step-1.pkl", "", b"saved"),
        ("log", "", b"begun\n"),
    ],
)
def test_it_is_fetched_from_the_machine_and_gone_afterwards(
    machine: tuple[Run, Plan, RunnerExecutor], path: str, file: str, data: bytes
) -> None:
    run, plan, executor = machine
    with readable(run, plan, path, executor) as place:
        assert Path(place, file).read_bytes() == data
    assert os.listdir(run_dir(run.id)) == [], "what was fetched stays on the disk"


def test_what_a_killed_command_fetched_goes_with_the_next_one(
    machine: tuple[Run, Plan, RunnerExecutor],
) -> None:
    run, plan, executor = machine
    left = Path(run_dir(run.id), ".fetched-abc")
    left.mkdir(parents=True)
    (left / "big").write_bytes(b"half")
    with readable(run, plan, "results", executor):
        assert not left.exists()


def test_what_another_command_fetches_is_left_alone(machine: tuple[Run, Plan, RunnerExecutor]) -> None:
    run, plan, executor = machine
    with readable(run, plan, "results", executor) as first, readable(run, plan, "log", executor):
        assert Path(first, "metrics.json").exists(), "two transfers of one run spoil each other"


def test_what_is_not_there_is_said(machine: tuple[Run, Plan, RunnerExecutor]) -> None:
    run, plan, executor = machine
    with pytest.raises(NotFound), readable(run, plan, "nothing", executor):
        pass
    assert os.listdir(run_dir(run.id)) == []


def test_nothing_is_written_there_while_it_runs(machine: tuple[Run, Plan, RunnerExecutor]) -> None:
    run, plan, executor = machine
    with pytest.raises(Refused, match="nothing can be written to the machine") as raised:
        writable(run, plan, "data/x", executor)
    assert "runctl resume calm-otter-11" in raised.value.fix
