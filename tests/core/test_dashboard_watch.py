"""What is told of a selected run: from a thread of its own, whatever its machine does."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import Any

import pytest

from runctl_core.clock import now
from runctl_core.config import CoreSettings
from runctl_core.dashboard.acts import Notes
from runctl_core.dashboard.snapshot import News, Note, Watched
from runctl_core.dashboard.sources import Sources
from runctl_core.dashboard.watching import Watch
from runctl_core.errors import AuthenticationError
from runctl_core.models.runs import Run, RunState
from runctl_core.tracking import ResourceTracker
from runctl_core.training.engine import Engine


class SlowCloud:
    """A provider that answers only when it is let."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.let = threading.Event()
        self.done = threading.Event()

    def get_resource(self, resource_id: str) -> Any:
        """Hang; then fail."""
        self.asked.set()
        self.let.wait()
        self.done.set()
        raise AuthenticationError(f"{resource_id} is not yours")


@pytest.fixture
def tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ResourceTracker:
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path))
    return ResourceTracker(str(tmp_path / "state.db"))


def started(tracker: ResourceTracker) -> Run:
    """A run of the books that runs on a machine."""
    running = RunState.RUNNING
    run = Run("a-b-1", "t", "p", "me", "slow", "t.py", "/", running, now(), resource_id="i-1")
    tracker.add_run(run, {"provider": "slow", "command": ["true"], "workdir": "/"})
    return run


def sources(tracker: ResourceTracker, cloud: Any) -> Sources:
    nobody: Any = None  # nothing is deleted here
    return Sources(
        engine=Engine(tracker, lambda _plan: cloud),
        names=("slow",),
        open_provider=lambda _name: cloud,
        owner="me",
        interval_s=1,
        timeout_s=1,
        thresholds=CoreSettings(),
        clock=now,
        inventory=nobody,
        safety=nobody,
        cleaner=nobody,
    )


def test_a_machine_that_hangs_is_told_of_at_once_and_why_when_it_fails(tracker: ResourceTracker) -> None:
    cloud, told = SlowCloud(), queue.Queue[News]()
    watch = Watch(sources(tracker, cloud), started(tracker), told.put, behind=lambda: None)
    assert told.get(timeout=20) == Watched("a-b-1", problem="waiting for its machine to answer")
    cloud.let.set()
    seen = told.get(timeout=60)
    assert isinstance(seen, Watched)
    assert "i-1 is not yours" in seen.problem
    watch.leave()


def test_a_watch_that_was_left_tells_nothing_any_more(tracker: ResourceTracker) -> None:
    cloud, told = SlowCloud(), queue.Queue[News]()
    run = started(tracker)
    watch = Watch(sources(tracker, cloud), run, told.put, behind=lambda: None)
    assert cloud.asked.wait(20)
    told.get(timeout=20)
    watch.leave()
    cloud.let.set()
    assert cloud.done.wait(20)
    for thread in threading.enumerate():
        if thread.name == f"watch {run.id}":
            thread.join(60)
    assert told.empty(), "what it said of another run would stand under this one's name"


def test_what_the_engine_tells_comes_as_one_line() -> None:
    told: list[News] = []
    Notes(told.append).note(
        "a-b-1 cannot be settled yet: the disk is full\n  why: no space\n  fix: make room"
    )
    assert told == [
        Note("a-b-1 cannot be settled yet: the disk is full why: no space fix: make room", bad=True)
    ]
