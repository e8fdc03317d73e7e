"""`runctl stop`: SIGTERM, a grace period, SIGKILL, and the machine is let go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, RunArgument
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from runctl_core.models.runs import Run


def stop(
    run: RunArgument,
    grace_seconds: Annotated[
        float | None, Option(help="Time between SIGTERM and SIGKILL; the run's own by default.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Stop a run. What it saved stays, and `runctl resume` goes on from there.

    Examples:
        runctl stop brave-otter-41
        runctl stop latest --grace-seconds 0
    """
    from runctl_core.cli.reporter import TerminalReporter
    from runctl_core.errors import UsageError
    from runctl_core.training.receipt import current
    from runctl_core.training.stop import stop as stop_run

    if grace_seconds is not None and not 0 <= grace_seconds < float("inf"):
        raise UsageError("--grace-seconds cannot be negative", fix="--grace-seconds 0")
    session = Session(None, TerminalReporter(output_to_stderr=True))
    found = session.tracker.run(run)
    if not found.state.over:
        _announce(session, found, grace_seconds)
    ended = stop_run(session.engine, found, grace_s=grace_seconds)
    if json:
        output.print_json(current(session.tracker, ended, session.plan(ended)))
        return
    output.note(f"{ended.id} {ended.state}: {ended.reason or 'it had ended already'}")
    output.notes([("results", f"runctl pull {ended.id}"), ("go on", f"runctl resume {ended.id}")])


def _announce(session: Session, run: Run, grace_seconds: float | None) -> None:
    """Say what is about to happen, and how long it may take."""
    plan = session.plan(run)
    grace = output.duration(plan.grace_s if grace_seconds is None else grace_seconds)
    output.note(f"stopping {run.id}: SIGTERM, and SIGKILL after {grace}")
    if run.resource_id:
        end = "is let go" if plan.on_finish == "terminate" else "is kept"
        output.note(f"  then {run.resource_id} {end}")
