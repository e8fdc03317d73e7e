"""What was saved on a machine comes home, and nothing whole that is at home is lost by it."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from core.fake_cloud import Cloud, CloudExecutor, CloudProvider
from runctl_core.checkpoints import newest_complete
from runctl_core.clock import now
from runctl_core.errors import NotFound, Unsupported
from runctl_core.models.jobs import JobPhase, JobStatus
from runctl_core.models.resources import LaunchSpec
from runctl_core.models.runs import Run, RunState
from runctl_core.training.homecoming import bring_home
from runctl_core.training.plan import Plan
from runctl_core.transport.local import LocalTransport

RUN = Run("brave-otter-41", "n", "p", "o", "far", "s.py", "/", RunState.RUNNING, now(), resource_id="r")
PLAN = Plan(provider="far", command=("true",), workdir="/")
SECOND = Run("brave-otter-41", "n", "p", "o", "far", "s.py", "/", RunState.RUNNING, now(), attempt=2)


class Far(CloudExecutor):
    """A machine that is a folder."""

    shares_files = False

    def __init__(self, folder: Path, *, lists: bool = True) -> None:
        cloud = Cloud()
        made = CloudProvider(cloud).create_resource(LaunchSpec("t", "box", cloud.offers[0], {}))
        super().__init__(CloudProvider(cloud), made.id)
        self.folder, self.lists = folder, lists
        self.after_fetch: Callable[[], Any] = lambda: None
        self.after_list: Callable[[], Any] = lambda: None

    def status(self, handle: str) -> JobStatus:
        """It runs, and saves into its folder."""
        return JobStatus(JobPhase.RUNNING, checkpoint_dir=str(self.folder))

    def files(self, handle: str, path: str) -> Mapping[str, tuple[int, int]]:
        """What is there now."""
        if not self.lists:
            raise Unsupported("nobody lists files here")
        there = [file for file in Path(path).rglob("*") if file.is_file()]
        found = {str(f.relative_to(path)): (f.stat().st_size, f.stat().st_mtime_ns) for f in there}
        self.after_list()
        return found

    def fetch(self, handle: str, path: str, to: str) -> None:
        """A copy."""
        if not os.path.exists(path):
            raise NotFound(path)
        LocalTransport().get(path, to)
        self.after_fetch()

    def saves(self, name: str, data: bytes) -> None:
        """The script saves."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def whole(step: int) -> bytes:
    """A checkpoint that is whole."""
    return pickle.dumps({"step": step})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the checkpoints of the run are at home."""
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path / "state"))
    return Path(PLAN.checkpoint_directory(RUN.id))


@pytest.mark.parametrize("lists", [True, False])
def test_a_later_attempt_takes_nothing_away_of_what_an_earlier_one_saved(
    home: Path, tmp_path: Path, lists: bool
) -> None:
    first, second = Far(tmp_path / "first", lists=lists), Far(tmp_path / "second", lists=lists)
    first.saves("logs/version_0/step-1.pkl", whole(1))
    bring_home(RUN, PLAN, first, live=False)
    second.saves("logs/version_0/step-2.pkl", whole(2))
    bring_home(SECOND, PLAN, second, live=False)
    names = sorted(path.name for path in (home / "logs" / "version_0").iterdir())
    assert names == ["step-1.pkl", "step-2.pkl"], "checkpoints of an earlier attempt are lost"


def test_what_the_script_deleted_itself_goes_at_home_with_the_next_of_its_folder(
    home: Path, tmp_path: Path
) -> None:
    machine = Far(tmp_path / "there")
    machine.saves("epoch/step-1.pkl", whole(1))
    bring_home(RUN, PLAN, machine, live=True)
    (machine.folder / "epoch" / "step-1.pkl").unlink()
    machine.saves("epoch/step-2.pkl", whole(2))
    bring_home(RUN, PLAN, machine, live=True)
    assert [path.name for path in (home / "epoch").iterdir()] == ["step-2.pkl"]


def test_an_end_without_any_checkpoint_is_an_end_where_nobody_lists_files(home: Path, tmp_path: Path) -> None:
    bring_home(RUN, PLAN, Far(tmp_path / "nothing", lists=False), live=False)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("name", ["last.pkl", "epoch/last.pkl"])
def test_a_whole_checkpoint_is_not_replaced_by_half_of_one(home: Path, tmp_path: Path, name: str) -> None:
    machine = Far(tmp_path / "there")
    machine.saves(name, whole(1))
    bring_home(RUN, PLAN, machine, live=True)
    machine.saves(name, b"")
    bring_home(RUN, PLAN, machine, live=False)
    assert (home / name).read_bytes() == whole(1), "the only whole checkpoint is lost"
    chosen = newest_complete(str(home)).chosen
    assert chosen is not None and chosen.path == str(home / name)


def test_a_slow_look_does_not_put_an_older_checkpoint_over_the_last_one(home: Path, tmp_path: Path) -> None:
    machine, listed = Far(tmp_path / "there"), 0
    machine.saves("last.pkl", whole(1))

    def job_ends_after_the_second_look() -> None:
        nonlocal listed
        listed += 1
        if listed == 2:
            machine.saves("last.pkl", whole(22222))
            bring_home(RUN, PLAN, machine, live=False)

    machine.after_list = job_ends_after_the_second_look
    bring_home(RUN, PLAN, machine, live=True)
    assert (home / "last.pkl").read_bytes() == whole(22222), "the last checkpoint is lost with its machine"


@pytest.mark.parametrize(("before", "after"), [("last", "last/step-1.pkl"), ("last/step-1.pkl", "last")])
def test_a_name_that_becomes_a_folder_or_a_file_keeps_no_machine(
    home: Path, tmp_path: Path, before: str, after: str
) -> None:
    first, second = Far(tmp_path / "first"), Far(tmp_path / "second")
    first.saves(before, b"old")
    bring_home(RUN, PLAN, first, live=False)
    second.saves(after, whole(2))
    bring_home(SECOND, PLAN, second, live=False)
    assert (home / after).read_bytes() == whole(2)
