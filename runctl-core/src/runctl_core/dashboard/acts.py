"""What the keys do to the world: each in a thread of its own, told of in lines, never by a traceback.

An act is proposed first, with what it will do, and carried out when the user agrees. They are the
functions behind `runctl stop`, `pull` and `resources cleanup`, with the same rules of safety.
"""

from __future__ import annotations

from collections.abc import Callable

from runctl_core import words
from runctl_core.cleanup import Plan as CleanupPlan
from runctl_core.dashboard import cleaning
from runctl_core.dashboard.snapshot import News, Note, Proposal
from runctl_core.dashboard.sources import Sources
from runctl_core.dashboard.threads import in_background
from runctl_core.errors import RunctlError
from runctl_core.meter import Meter
from runctl_core.models.runs import Run
from runctl_core.training import pull as pulling
from runctl_core.training.plan import Plan
from runctl_core.training.reporter import Reporter
from runctl_core.training.settle import reach
from runctl_core.training.stop import stop

_TOLD_EACH_S = 0.2


class Acts:
    """Proposes, and carries out what was agreed to.

    Args:
        sources: The run engine, and the rules of safety.
        tell: Is given proposals, and notes on how an act goes, from any thread.
        done: Called when something has changed.

    Attributes:
        under_way: What is not done yet: a line for each.
    """

    def __init__(self, sources: Sources, tell: Callable[[News], None], done: Callable[[], None]) -> None:
        self._sources = sources
        self._engine = sources.engine
        self._tell = tell
        self._done = done
        self.under_way: list[str] = []

    def propose_stop(self, run: Run) -> None:
        """Propose to stop a run."""
        self._prepare(lambda: self._stopping(run))

    def propose_pull(self, run: Run) -> None:
        """Propose to copy a run's results to a folder of its name in the current directory."""
        self._prepare(lambda: self._pulling(run))

    def propose_cleanup(self) -> None:
        """Propose to delete what no live run needs, after every provider was asked what it has."""
        self._prepare(self._cleaning)

    def _cleaning(self) -> Proposal:
        plan = cleaning.plan(self._sources)
        look = "runctl audit tells what was deleted"
        return Proposal(
            cleaning.question(plan),
            tuple(cleaning.lines(plan)),
            (lambda: self._begin("cleaning up", lambda: self._clean(plan), look)) if plan.steps else None,
        )

    def _clean(self, plan: CleanupPlan) -> str:
        return cleaning.outcome(self._sources.cleaner().carry_out(plan))

    def _stopping(self, run: Run) -> Proposal:
        plan = self._plan(run)
        lines = [f"SIGTERM now, SIGKILL after {words.duration(plan.grace_s)}."]
        if run.resource_id:
            end = "is let go" if plan.on_finish == "terminate" else "is kept, and its price goes on"
            lines.append(f"Then {run.resource_id} of {run.provider} {end}.")
        lines.append(f"What it saved stays: runctl resume {run.id} goes on from there.")
        what, look = f"stopping {run.id}", f"runctl status {run.id}"
        return Proposal(
            f"Stop {run.id} ({run.name})?",
            tuple(lines),
            lambda: self._begin(what, lambda: self._stop(run), look),
        )

    def _stop(self, run: Run) -> str:
        ended = stop(self._engine, run)
        return f"{ended.id} {ended.state}: {ended.reason or 'it had ended already'}"

    def _pulling(self, run: Run) -> Proposal:
        folder = pulling.destination(run, None, force=False)
        lines = (
            "Its logs, whole checkpoints, outputs and receipt are copied to",
            f"  {folder}",
            "What is there already, unchanged, is left alone.",
        )
        what, look = f"copying the results of {run.id}", f"runctl pull {run.id}"
        return Proposal(
            f"Pull {run.id} ({run.name})?",
            lines,
            lambda: self._begin(what, lambda: self._pull(run, folder), look),
        )

    def _pull(self, run: Run, folder: str) -> str:
        plan = self._plan(run)
        executor = None if run.state.over else reach(run, plan, self._engine.open_provider(plan))
        there = pulling.items(run, plan)
        total_bytes = sum(item.size_bytes for item in there)
        meter = Meter(f"copying {run.id}", total_bytes, every_s=_TOLD_EACH_S)

        def advance(size_bytes: int) -> None:
            if line := meter.advance(size_bytes):
                self._tell(Note(line, lasts=True))

        copied = pulling.pull(run, there, folder, executor=executor, progress=advance)
        size = words.size(sum(item.size_bytes for item in copied))
        return f"{words.count(len(copied), 'file')} ({size}) copied to {folder}"

    def _plan(self, run: Run) -> Plan:
        return Plan.from_json(self._engine.tracker.plan(run.id))

    def _prepare(self, propose: Callable[[], Proposal]) -> None:
        def body() -> None:
            try:
                self._tell(propose())
            except RunctlError as error:
                self._tell(Note(told(error), bad=True))

        in_background("propose", body, self._tell)

    def _begin(self, what: str, act: Callable[[], str], look: str) -> None:
        line = f"{what} was under way: {look}"

        def body() -> None:
            try:
                self._tell(Note(act()))
            except RunctlError as error:
                self._tell(Note(told(error), bad=True))
            finally:
                self.under_way.remove(line)
                self._done()

        self.under_way.append(line)
        self._tell(Note(f"{what} ...", lasts=True))
        in_background(what, body, self._tell)


class Notes(Reporter):
    """Shows what the engine tells while it settles runs: what is in the way, and what mends it."""

    def __init__(self, tell: Callable[[News], None]) -> None:
        self._tell = tell

    def note(self, text: str) -> None:
        """See `Reporter.note`."""
        self._tell(Note(" ".join(text.split()), bad=True))


def told(error: RunctlError) -> str:
    """An error in one line."""
    why = f": {error.why}" if error.why else ""
    fix = f" (fix: {error.fix})" if error.fix else ""
    return f"error: {error.message}{why}{fix}"
