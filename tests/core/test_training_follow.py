"""A follower that is interrupted anywhere, and the one that comes after it, give each byte once."""

from __future__ import annotations

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runctl_core.clock import now
from runctl_core.executor import JobExecutor, LogName
from runctl_core.models.resources import LaunchSpec, Offer, Resource, ResourceRequest, ResourceState
from runctl_core.models.runs import Run, RunState
from runctl_core.provider import TrainingProvider
from runctl_core.runner_executor import RunnerExecutor
from runctl_core.tracking import ResourceTracker
from runctl_core.training.engine import Engine
from runctl_core.training.follow import Follower
from runctl_core.training.plan import Plan
from runctl_core.training.reporter import Reporter
from runctl_core.transport.local import LocalTransport

JOB = "brave-otter-41-1"


class FewBytes(RunnerExecutor):
    """Gives little at a time, as a slow connection does."""

    def logs(self, handle: str, offset: int, *, limit: int = 1 << 20, log: LogName = "job") -> bytes:
        return super().logs(handle, offset, limit=min(limit, 5), log=log)


class OneMachine(TrainingProvider):
    """A provider with one machine, which is gone once it was terminated."""

    shares_files = True

    def __init__(self, jobs: Path) -> None:
        self._jobs = jobs
        self._state = ResourceState.RUNNING

    def offers(self, request: ResourceRequest) -> list[Offer]:
        return []

    def create_resource(self, spec: LaunchSpec) -> Resource:
        return self.get_resource("m")

    def get_resource(self, resource_id: str) -> Resource:
        return Resource(resource_id, "one", resource_id, self._state)

    def list_resources(self) -> list[Resource]:
        return [self.get_resource("m")]

    def terminate_resource(self, resource_id: str) -> None:
        self._state = ResourceState.TERMINATED

    def executor(self, resource: Resource) -> JobExecutor:
        return FewBytes(LocalTransport(), str(self._jobs))


class Script:
    """A job whose files grow by one piece each time that somebody sees nothing new."""

    def __init__(self, jobs: Path, pieces: list[bytes]) -> None:
        self._folder = jobs / JOB
        self._folder.mkdir(parents=True)
        (self._folder / "log").touch()
        (self._folder / "setup.log").touch()
        self._pieces = pieces
        self._say("running")

    def go_on(self) -> None:
        if not self._pieces:
            self._say("finished", exit_code=0, ended_at=time.time())
            return
        with (self._folder / "log").open("ab") as file:
            file.write(self._pieces.pop(0))
        self._say("running")

    def _say(self, phase: str, **more: object) -> None:
        moment = time.time()
        state = {"phase": phase, "heartbeat_at": moment, "started_at": moment, "running_at": moment, **more}
        (self._folder / "state.json").write_text(json.dumps(state))


class Reader(Reporter):
    """Keeps what it was given; leaves when that would be more than `enough` bytes."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.seen = b""
        self.enough: int | None = None

    def log(self, data: bytes) -> None:
        if self.enough is not None and len(self.seen) + len(data) > self.enough:
            raise BrokenPipeError
        self.seen += data

    def quiet(self) -> None:
        self._script.go_on()


def _running(tracker: ResourceTracker) -> Run:
    plan = Plan(provider="one", command=("true",), workdir="/")
    planned = Run("brave-otter-41", "n", "p", "o", "one", "s.py", "/", RunState.PLANNED, now())
    tracker.add_run(planned, plan.to_json())
    run: Run | None = planned
    for state in (RunState.PROVISIONING, RunState.SYNCING, RunState.SETTING_UP, RunState.RUNNING):
        run = tracker.change_run(planned.id, state, resource_id="m")
    assert run is not None
    return run


@settings(max_examples=30)
@given(
    pieces=st.lists(st.binary(min_size=1, max_size=30), max_size=6),
    leaves=st.lists(st.integers(0, 180), max_size=5),
)
def test_each_byte_comes_once_wherever_readers_leave_and_others_go_on(
    pieces: list[bytes], leaves: list[int]
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        environment.setenv("RUNCTL_STATE_DIR", f"{folder}/state")
        jobs = Path(folder) / "jobs"
        reader = Reader(Script(jobs, list(pieces)))
        provider = OneMachine(jobs)
        with ResourceTracker() as tracker:
            engine = Engine(tracker, lambda _plan: provider, reporter=reader)
            run = _running(tracker)
            for reader.enough in (*sorted(leaves), None):
                try:
                    run = Follower(engine, run, offset=len(reader.seen)).until_over()
                except BrokenPipeError:
                    run = tracker.run(run.id)
        assert reader.seen == b"".join(pieces)
        assert run.state is RunState.SUCCEEDED
