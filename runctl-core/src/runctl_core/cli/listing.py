"""Lists of runs, for `ps` and `runs`. Free of Typer, so that `runctl ps` answers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runctl_core.cli import output
from runctl_core.cli.session import Session
from runctl_core.clock import iso, now

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
    show(session.tracker.runs(states=live), json=json)


def settle(session: Session) -> None:
    """Settle what is open; the engine is imported only when something is."""
    if session.tracker.has_open_ends():
        session.settle()


def show(found: list[Run], *, json: bool) -> None:
    """Print runs as a table or as JSON."""
    if json:
        output.print_json([_document(run) for run in found])
        return
    moment = now()
    rows = [_row(run, moment) for run in found]
    output.table(_COLUMNS, rows, empty="no runs", less_wanted=_LESS_WANTED)


def _document(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "name": run.name,
        "project": run.project,
        "owner": run.owner,
        "provider": run.provider,
        "resource": run.resource_id,
        "state": str(run.state),
        "attempt": run.attempt,
        "script": run.script,
        "created_at": iso(run.created_at),
        "started_at": run.started_at and iso(run.started_at),
        "ended_at": run.ended_at and iso(run.ended_at),
        "deadline": run.deadline and iso(run.deadline),
        "exit_code": run.exit_code,
        "signal": run.signal,
        "ended_by": run.ended_by,
        "reason": run.reason,
    }


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
