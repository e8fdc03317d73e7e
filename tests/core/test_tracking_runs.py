"""Runs and intents in the books: arrows only, one row a change, nothing lost between processes."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from runctl_core.errors import NotFound, StateError
from runctl_core.models.intents import Intent
from runctl_core.models.runs import Run, RunState
from runctl_core.tracking import ResourceTracker

FORK = multiprocessing.get_context("fork")
"""A spawned child would have to import this file by a name that depends on how pytest was called."""

WHEN = datetime(2026, 11, 23, 12, tzinfo=UTC)


def a_run(run_id: str, **fields: object) -> Run:
    values = {
        "name": run_id,
        "project": "p",
        "owner": "o",
        "provider": "x",
        "script": "s.py",
        "directory": "/w",
    }
    return Run(**{**values, "id": run_id, "state": RunState.PLANNED, "created_at": WHEN, **fields})


class RunMachine(RuleBasedStateMachine):
    """Two trackers on one file try every change; only arrows are taken."""

    @initialize()
    def begin(self) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "s.db")
        self.trackers = (ResourceTracker(path), ResourceTracker(path))
        self.trackers[0].add_run(a_run("brave-otter-41"), {"k": 1})
        self.expected = [RunState.PLANNED]

    @rule(which=st.integers(0, 1), to=st.sampled_from(RunState))
    def change(self, which: int, to: RunState) -> None:
        allowed = self.expected[-1].may_become(to)
        changed = self.trackers[which].change_run("brave-otter-41", to, detail="x")
        assert (changed is not None) == allowed
        if allowed:
            self.expected.append(to)

    @rule(to=st.sampled_from(RunState), expect=st.sampled_from(RunState))
    def change_expecting(self, to: RunState, expect: RunState) -> None:
        allowed = self.expected[-1] is expect and expect.may_become(to)
        changed = self.trackers[0].change_run("brave-otter-41", to, expect=(expect,))
        assert (changed is not None) == allowed
        if allowed:
            self.expected.append(to)

    @invariant()
    def every_change_is_a_row(self) -> None:
        if hasattr(self, "trackers"):
            states = [change.state for change in self.trackers[1].changes("brave-otter-41")]
            assert states == self.expected
            assert self.trackers[1].run("brave-otter-41").state is self.expected[-1]

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()


TestRunMachine = RunMachine.TestCase
TestRunMachine.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)


def test_a_run_keeps_every_field(tmp_path: Path) -> None:
    from decimal import Decimal

    tracker = ResourceTracker(str(tmp_path / "s.db"))
    run = a_run("a-b-10", exit_code=0, hourly_usd=Decimal("1.25"), deadline=WHEN, reason="r\n\x1b", signal=9)
    tracker.add_run(run, {"command": ["a"]})
    assert tracker.run("a-b-10") == run
    assert tracker.plan("a-b-10") == {"command": ["a"]}
    with pytest.raises(StateError, match="already"):
        tracker.add_run(run, {})


def test_runs_are_found_by_id_prefix_name_and_latest(tmp_path: Path) -> None:
    tracker = ResourceTracker(str(tmp_path / "s.db"))
    for index, run_id in enumerate(("brave-otter-41", "brave-owl-12", "calm-fox-33")):
        tracker.add_run(a_run(run_id, name=f"n{index}", created_at=WHEN.replace(minute=index)), {})
    assert tracker.run("brave-ot").id == "brave-otter-41"
    assert tracker.run("n1").id == "brave-owl-12"
    assert tracker.run("latest").id == "calm-fox-33"
    with pytest.raises(NotFound, match="begins several"):
        tracker.run("brave-o")
    with pytest.raises(NotFound) as caught:
        tracker.run("brave-oter-41")
    assert "brave-otter-41" in caught.value.why


def test_runs_are_filtered(tmp_path: Path) -> None:
    tracker = ResourceTracker(str(tmp_path / "s.db"))
    tracker.add_run(a_run("a-a-10", project="one"), {})
    tracker.add_run(a_run("b-b-10", project="two", state=RunState.FAILED), {})
    assert [run.id for run in tracker.runs(project="one")] == ["a-a-10"]
    assert [run.id for run in tracker.runs(states=[RunState.FAILED])] == ["b-b-10"]
    assert tracker.runs(owner="nobody") == []
    tracker.add_run(a_run("c-c-10", provider="y", created_at=WHEN - timedelta(hours=1)), {})
    tracker.add_run(a_run("d-d-10", provider="z"), {})
    assert [run.id for run in tracker.runs(providers=["y", "x"])] == ["a-a-10", "b-b-10", "c-c-10"]
    assert len(tracker.runs(limit=1)) == 1


def _write_runs(path: str, name: str, count: int) -> None:
    tracker = ResourceTracker(path)
    for index in range(count):
        tracker.add_run(a_run(f"{name}-{index}"), {"n": index})
        tracker.change_run(f"{name}-{index}", RunState.PROVISIONING)


def test_many_processes_lose_no_row_and_meet_no_lock(tmp_path: Path) -> None:
    path = str(tmp_path / "s.db")
    writers = [FORK.Process(target=_write_runs, args=(path, f"w{n}", 40)) for n in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    runs = ResourceTracker(path).runs()
    assert len(runs) == 240
    assert {run.state for run in runs} == {RunState.PROVISIONING}


def _look(path: str, gate: Any) -> None:
    gate.wait()
    assert ResourceTracker(path).runs() == []


def test_a_new_state_file_can_be_made_by_many_at_once(tmp_path: Path) -> None:
    for round_number in range(25):
        gate = FORK.Barrier(6)
        path = str(tmp_path / f"{round_number}.db")
        lookers = [FORK.Process(target=_look, args=(path, gate)) for _ in range(6)]
        for looker in lookers:
            looker.start()
        for looker in lookers:
            looker.join()
        assert [looker.exitcode for looker in lookers] == [0] * 6, "a first command met a locked database"


def test_an_intent_is_on_the_disk_when_the_call_returns(tmp_path: Path) -> None:
    path = str(tmp_path / "s.db")
    pid = os.fork()
    if pid == 0:
        try:
            ResourceTracker(path).open_intent(Intent("t1", "r1", "cloud", 1, WHEN))
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    tracker = ResourceTracker(path)
    assert tracker.open_intents("cloud") == [Intent("t1", "r1", "cloud", 1, WHEN)]
    assert tracker.open_intents("other") == []
    assert tracker.has_open_ends()
    tracker.settle_intent("t1")
    tracker.settle_intent("t1")
    assert tracker.open_intents() == []
    assert not tracker.has_open_ends()


def test_a_writer_that_is_killed_leaves_whole_transactions(tmp_path: Path) -> None:
    path = str(tmp_path / "s.db")
    ResourceTracker(path).runs()
    for round_number in range(6):
        writer = FORK.Process(target=_write_runs, args=(path, f"k{round_number}", 10_000))
        writer.start()
        before = len(ResourceTracker(path).runs())
        while len(ResourceTracker(path).runs()) < before + 3 + 5 * round_number:
            assert writer.is_alive(), "the writer ended by itself, so nothing was killed"
            time.sleep(0.001)
        writer.kill()
        writer.join()
        tracker = ResourceTracker(path)
        for run in tracker.runs():
            assert [c.state for c in tracker.changes(run.id)][-1] is run.state
            assert tracker.plan(run.id)


def test_a_full_disk_is_a_state_error(tmp_path: Path) -> None:
    path = str(tmp_path / "s.db")
    tracker = ResourceTracker(path)
    tracker.add_run(a_run("a-a-10"), {})
    tracker.close()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(path), resource.RLIM_INFINITY))
            full = ResourceTracker(path)
            try:
                for index in range(2000):
                    full.add_run(a_run(f"b-b-{index}"), {"filler": "x" * 1000})
            except StateError as error:
                status = 0 if error.fix and "make room" in error.fix else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert ResourceTracker(path).run("a-a-10").state is RunState.PLANNED
