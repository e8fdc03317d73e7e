"""Lists of runs, for `ps` and `runs`. Free of Typer, so that `runctl ps` answers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runctl_core.cli import output
from runctl_core.cli.session import Session
from runctl_core.clock import now

if TYPE_CHECKING:
    from datetime import datetime

    from runctl_core.models.runs import Run

_COLUMNS = ("RUN", "NAME", "PROJECT", "PROVIDER", "STATE", "ATTEMPT", "STARTED", "TOOK", "REASON")
_LESS_WANTED = ("ATTEMPT", "PROVIDER", "PROJECT")


def ps(*, every: bool = False, json: bool = False) -> None:
    """Settle what is open, and list the runs that are not over, or every one."""
    from runctl_core.models.runs import OVER, RunState

    session = Session()
    settle(session)
    live = None if every else [state for state in RunState if state not in OVER]
    show(session.tracker.runs(states=live), json=json, empty="no runs" if every else "no run is live")


def settle(session: Session) -> None:
    """Settle what is open; the engine is imported only when something is."""
    if session.tracker.has_open_ends():
        session.settle()


def show(found: list[Run], *, json: bool, empty: str = "no runs") -> None:
    """Print runs as a table or as JSON."""
    if json:
        from runctl_core.training.documents import of_run

        output.print_json([of_run(run) for run in found])
        return
    moment = now()
    rows = [_row(run, moment) for run in found]
    output.table(_COLUMNS, rows, empty=empty, less_wanted=_LESS_WANTED)


def _row(run: Run, moment: datetime) -> tuple[str, ...]:
    started = output.age(moment - run.started_at) if run.started_at else "-"
    took = "-"
    if run.started_at:
        took = output.duration(((run.ended_at or moment) - run.started_at).total_seconds())
    return (
        run.id,
        run.name,
        run.project,
        run.provider,
        str(run.state),
        str(run.attempt),
        started,
        took,
        run.reason,
    )
