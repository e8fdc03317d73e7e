"""Following a run from any terminal: its bytes once each and in order, until it is over.

Watching takes no right to change the run, so a follower that is suspended, or whose reader is slow,
holds up nobody. At its end the first command that looks closes it: this one, or another.
"""

from __future__ import annotations

import time

from attrs import evolve

from runctl_core.errors import NotFound, ProviderUnavailable, RunctlError, UnknownOutcome
from runctl_core.executor import JobExecutor, LogName
from runctl_core.models.runs import Run, RunState, handle_of
from runctl_core.shown import status_of
from runctl_core.training.engine import PLANNED_LIVE, Engine
from runctl_core.training.homecoming import Homecoming
from runctl_core.training.logs import LogSource
from runctl_core.training.plan import Plan
from runctl_core.training.settle import bring_on, reach

_LOGS: tuple[LogName, ...] = ("setup", "job")


class Follower:
    """Reports a run's output to the engine's reporter.

    Set-up output is reported too, unless the script runs already when the following begins.

    Args:
        engine: Whose reporter is told.
        run: The run to follow.
        offset: Where in the log of its latest attempt to begin, in bytes.
    """

    def __init__(self, engine: Engine, run: Run, *, offset: int = 0) -> None:
        self._engine = engine
        self._run = run
        self._failures = 0
        self._homecoming = Homecoming()
        self._offsets: dict[LogName, int] = {"job": offset}
        if run.state in PLANNED_LIVE or run.state is RunState.SETTING_UP:
            self._offsets["setup"] = 0

    def until_over(self) -> Run:
        """Follow to the end of the run, and return it as it ended.

        Raises:
            RunctlError: The end cannot be written now; see `settle.bring_on`.
        """
        while not self._run.state.over:
            try:
                self._follow_attempt()
                self._see(bring_on(self._engine, self._run))
            except (ProviderUnavailable, UnknownOutcome) as error:
                self._wait(error)
                continue
            if not self._run.state.over:
                time.sleep(_pause_s(0))
        self._rest_from_home()
        return self._run

    def _wait(self, error: RunctlError) -> None:
        """Wait for a machine that does not answer: that is no end of the run."""
        if not self._failures:
            said = "cannot be reached, and the following goes on when it can; trying again"
            self._note(f"the machine of {self._run.id} {said}: {error.summary}")
        self._failures += 1
        self._engine.reporter.quiet()
        time.sleep(_wait_s(self._failures))
        self._see(self._engine.tracker.run(self._run.id))

    def _answered(self) -> None:
        if self._failures:
            self._failures = 0
            self._note(f"the machine of {self._run.id} answers again")

    def _note(self, text: str) -> None:
        self._engine.tell(self._engine.reporter.note, text)

    def _see(self, run: Run) -> None:
        """Take note of the run as it is now; a new attempt has logs of its own."""
        while self._run.attempt < run.attempt:
            self._rest_from_home()
            self._run = evolve(self._run, attempt=self._run.attempt + 1)
            self._offsets = {"job": 0, "setup": 0}
        self._run = run

    def _follow_attempt(self) -> None:
        if self._run.state in PLANNED_LIVE or self._run.resource_id is None:
            return
        plan = Plan.from_json(self._engine.tracker.plan(self._run.id))
        executor = reach(self._run, plan, self._engine.open_provider(plan))
        if executor is None:
            return
        try:
            self._watch(executor, plan)
        except NotFound:
            return  # another command collected it and let go of the resource: the rest is at home

    def _watch(self, executor: JobExecutor, plan: Plan) -> None:
        """Report until the attempt is over."""
        handle, quiet_s = handle_of(self._run), 0.0
        while handle == handle_of(self._run) and not self._run.state.over:
            # The status is asked before the log is read: what a finished job wrote is then there.
            status = status_of(executor, handle)
            self._answered()
            self._homecoming.look(self._run, plan, executor)
            got = sum(self._drain(executor, handle, log) for log in self._logs())
            if status.phase.over:
                return
            if status.running_at is not None and self._run.state is RunState.SETTING_UP:
                self._see(bring_on(self._engine, self._run))
            quiet_s = 0.0 if got else quiet_s + _pause_s(quiet_s)
            self._engine.reporter.quiet()
            time.sleep(_pause_s(quiet_s))

    def _drain(self, executor: JobExecutor, handle: str, log: LogName) -> int:
        before = self._offsets[log]
        while data := executor.logs(handle, self._offsets[log], log=log):
            self._report(log, data)
        return self._offsets[log] - before

    def _rest_from_home(self) -> None:
        for log in self._logs():
            try:
                for data in LogSource(self._run, log=log).pieces(self._offsets[log]):
                    self._report(log, data)
            except NotFound:
                continue  # a run that never started has no log

    def _logs(self) -> list[LogName]:
        """The logs that are reported, in the order in which they are written."""
        return [log for log in _LOGS if log in self._offsets]

    def _report(self, log: LogName, data: bytes) -> None:
        reporter = self._engine.reporter
        (reporter.log if log == "job" else reporter.setup)(data)
        self._offsets[log] += len(data)


def _pause_s(quiet_s: float) -> float:
    """Seconds until the next look: soon while something happens, seldom in a quiet run."""
    return 0.02 if quiet_s < 2 else 0.2


def _wait_s(failures: int) -> float:
    """Seconds until a machine that did not answer so many times is asked again."""
    return min(15.0, 0.25 * 2.0 ** min(failures, 8))
