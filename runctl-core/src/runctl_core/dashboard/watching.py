"""The selected run from close by: the end of its log, what it uses, its checkpoints.

Each look may hang for as long as the run's machine does. So a `Watch` is a thread of its own, and is
left behind when another run is selected.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from attrs import evolve

from runctl_core import diagnosis
from runctl_core.checkpoints import find
from runctl_core.dashboard.log_tail import LogTail
from runctl_core.dashboard.snapshot import News, Watched
from runctl_core.dashboard.sources import Sources
from runctl_core.dashboard.threads import in_background
from runctl_core.errors import NotFound, RunctlError
from runctl_core.executor import JobExecutor
from runctl_core.models.runs import Run, RunState, handle_of
from runctl_core.shown import usage_of
from runctl_core.training.logs import LogSource
from runctl_core.training.plan import Plan
from runctl_core.training.settle import reach

_QUIET_S, _BUSY_S = 0.5, 0.1
"""Seconds between two looks: at a quiet log, and at one that grows."""

_FOLDER_S = 3.0
"""Seconds between two looks into the checkpoint folder, which may hold thousands of files."""

_AGAIN_S = 3.0
"""Seconds until what failed, or is over and not in the books yet, is looked at again."""


class Watch:
    """Looks at one run until it is left, and tells what it sees.

    Args:
        sources: Where the run's provider, and the thresholds of warnings, are.
        run: Which run; `changed` tells it again when the books say something new of it.
        tell: Is given what was seen, from the watch's thread.
        behind: Called when the job is further than the books say: they are to be settled.
    """

    def __init__(
        self, sources: Sources, run: Run, tell: Callable[[News], None], behind: Callable[[], None]
    ) -> None:
        self._sources = sources
        self._engine = sources.engine
        self._run = run
        self._tell = tell
        self._behind = behind
        self._seen = Watched(run.id)
        self._left = False
        self._news = threading.Event()
        in_background(f"watch {run.id}", self._body, tell)

    def leave(self) -> None:
        """Tell nothing any more."""
        self._left = True
        self._news.set()

    def changed(self, run: Run) -> None:
        """Take note of the run as the books know it now."""
        if run != self._run:
            self._run = run
            self._news.set()

    def _body(self) -> None:
        while not self._left:
            self._news.clear()
            run = self._run
            try:
                self._follow(run)
            except RunctlError as error:
                self._show(problem=f"{error.message}: {error.why}" if error.why else error.message)
            except OSError as error:
                self._show(problem=error.strerror or str(error))
            # A run that is over does not change, unless somebody resumes it.
            self._news.wait(None if run.state.over and not self._seen.problem else _AGAIN_S)

    def _show(self, **fields: Any) -> None:
        seen = evolve(self._seen, **fields)
        if seen != self._seen and not self._left:
            self._seen = seen
            self._tell(seen)

    def _follow(self, run: Run) -> None:
        """Look again and again, until the books say something new of the run or it is over."""
        plan = Plan.from_json(self._engine.tracker.plan(run.id))
        executor = None if run.state.over else self._reach(run, plan)
        log, due = _Log(run, executor), 0.0
        while not self._left:
            grown = log.grown()
            self._show(log=log.lines, cut=log.cut, problem=log.problem)
            if time.monotonic() >= due:
                self._look_around(run, plan, executor)
                due = time.monotonic() + _FOLDER_S
            if run.state.over and not grown:
                return
            if self._news.wait(_BUSY_S if grown else _QUIET_S):
                return
            if executor is not None and _is_behind(run, executor):
                self._behind()
                return

    def _reach(self, run: Run, plan: Plan) -> JobExecutor | None:
        if not self._seen.log:
            self._show(problem="waiting for its machine to answer")
        return reach(run, plan, self._engine.open_provider(plan))

    def _look_around(self, run: Run, plan: Plan, executor: JobExecutor | None) -> None:
        samples = () if executor is None else tuple(usage_of(executor, handle_of(run)))
        wrong = diagnosis.warnings(samples, self._sources.thresholds, self._sources.clock(), run=run.id)
        self._show(
            usage=samples, warnings=tuple(wrong), checkpoints=tuple(find(plan.checkpoint_directory(run.id)))
        )


class _Log:
    """The end of a run's log, which may not be there yet."""

    def __init__(self, run: Run, executor: JobExecutor | None) -> None:
        self._source = LogSource(run, executor)
        self._tail: LogTail | None = None
        self.problem = ""
        self.lines: tuple[str, ...] = ()

    @property
    def cut(self) -> bool:
        return self._tail is not None and self._tail.cut

    def grown(self) -> bool:
        try:
            self._tail = self._tail or LogTail(self._source.read, self._source.size)
            grown, self.problem = self._tail.grown(), ""
        except NotFound as error:
            self.problem = error.why or error.message
            return False
        if grown:
            self.lines = self._tail.lines()
        return grown


def _is_behind(run: Run, executor: JobExecutor) -> bool:
    """Whether the books do not know yet that the script has begun, or that the job is over."""
    try:
        status = executor.status(handle_of(run))
    except NotFound:
        return False  # not started yet, or another command collected it this very moment
    return status.phase.over or (run.state is RunState.SETTING_UP and status.running_at is not None)
