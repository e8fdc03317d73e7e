"""Following a run from any terminal: its bytes once each and in order, until it is over.

At its end the first command that looks closes it: this one, or another.
"""

from __future__ import annotations

import time

from runctl_core.errors import NotFound
from runctl_core.executor import JobExecutor, LogName
from runctl_core.models.runs import Run, RunState
from runctl_core.training.engine import PLANNED_LIVE, Engine, handle_of
from runctl_core.training.logs import LogSource
from runctl_core.training.plan import Plan
from runctl_core.training.settle import bring_on, reach


class Follower:
    """Reports a run's output to the engine's reporter.

    Args:
        engine: Whose reporter is told.
        run: The run to follow.
        offset: Where in the log of its latest attempt to begin, in bytes.
    """

    def __init__(self, engine: Engine, run: Run, *, offset: int = 0) -> None:
        self._engine = engine
        self._run = run
        self._offsets: dict[LogName, int] = {"job": offset, "setup": 0}

    def until_over(self) -> Run:
        """Follow to the end of the run, and return it as it ended."""
        while not self._run.state.over:
            self._follow_attempt()
            self._run = bring_on(self._engine, self._run)
            if not self._run.state.over:
                time.sleep(_pause_s(0))
        self._rest_from_home()
        return self._run

    @property
    def run(self) -> Run:
        """The run as last seen."""
        return self._run

    def _follow_attempt(self) -> None:
        if self._run.state in PLANNED_LIVE or self._run.resource_id is None:
            return
        plan = Plan.from_json(self._engine.tracker.plan(self._run.id))
        executor = reach(self._run, plan, self._engine.open_provider(plan))
        if executor is None:
            return
        try:
            self._watch(executor)
        except NotFound:
            return  # another command collected it and let go of the resource: the rest is at home

    def _watch(self, executor: JobExecutor) -> None:
        """Report until the job is over. No lock is held: a follower that is stopped holds up nobody."""
        handle, quiet_s = handle_of(self._run), 0.0
        while True:
            # The status is asked before the log is read: what a finished job wrote is then there.
            status = executor.status(handle)
            self._drain(executor, handle, "setup")
            got = self._drain(executor, handle, "job")
            if status.phase.over:
                return
            if status.running_at is not None and self._run.state is RunState.SETTING_UP:
                self._run = bring_on(self._engine, self._run)
            quiet_s = 0.0 if got else quiet_s + _pause_s(quiet_s)
            time.sleep(_pause_s(quiet_s))

    def _drain(self, executor: JobExecutor, handle: str, log: LogName) -> int:
        before = self._offsets[log]
        while data := executor.logs(handle, self._offsets[log], log=log):
            self._report(log, data)
        return self._offsets[log] - before

    def _rest_from_home(self) -> None:
        try:
            for data in LogSource(self._run).pieces(self._offsets["job"]):
                self._report("job", data)
        except NotFound:
            return  # a run that never started has no log

    def _report(self, log: LogName, data: bytes) -> None:
        reporter = self._engine.reporter
        (reporter.log if log == "job" else reporter.setup)(data)
        self._offsets[log] += len(data)


def _pause_s(quiet_s: float) -> float:
    """Seconds until the next look: soon while something happens, seldom in a quiet run."""
    return 0.02 if quiet_s < 2 else 0.2
