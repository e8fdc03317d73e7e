"""`runctl stop-all`: every live run of mine is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, ProviderFilter, YesFlag
from runctl_core.cli.outcomes import show
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runctl_core.models.runs import Run
    from runctl_core.training.stop_all import StoppedRuns


def stop_all(
    provider: ProviderFilter = None,
    project: Annotated[str | None, Option(help="Only this project.")] = None,
    yes: YesFlag = False,
    json: JsonFlag = False,
) -> None:
    """Stop every live run of mine, all at once. What they saved stays, and each can be resumed.

    Each gets its grace period, its results come home, and its machine is let go.

    Examples:
        runctl stop-all
        runctl stop-all --project mnist --yes
    """
    from runctl_core.training.documents import of_stopped
    from runctl_core.training.engine import LIVE
    from runctl_core.training.stop_all import StoppedRuns
    from runctl_core.training.stop_all import stop_all as stop_runs

    session = Session()
    runs = session.tracker.runs(states=LIVE, owner=session.owner, providers=provider or None, project=project)
    stopped = StoppedRuns((), {})
    if runs:
        announce(runs)
        output.confirm(f"stop {output.count(len(runs), 'run')}?", yes=yes)
        stopped = stop_runs(session.engine, runs)
    if json:
        output.print_json(of_stopped(stopped))
    else:
        where = " there" if provider or project else ""
        show(run_outcomes(stopped), empty=f"no run of yours is live{where}")
    _require_all(stopped)


def announce(runs: Sequence[Run]) -> None:
    """Say which runs are about to be stopped."""
    output.note("to be stopped:")
    output.notes([(run.id, f"{run.name}, {run.state} on {run.provider}") for run in runs])


def run_outcomes(stopped: StoppedRuns) -> Iterator[tuple[tuple[str, str], Sequence[str]]]:
    """What became of each run, those that failed first."""
    yield from (((run, "failed"), (why,)) for run, why in stopped.failed.items())
    yield from (((run.id, str(run.state)), (run.reason,)) for run in stopped.ended)


def _require_all(stopped: StoppedRuns) -> None:
    from runctl_core.errors import LeftBehind

    if stopped.failed:
        raise LeftBehind(
            f"{output.count(len(stopped.failed), 'run')} could not be stopped",
            why="; ".join(f"{run}: {why}" for run, why in stopped.failed.items()),
            fix="runctl ps, then runctl stop-all tries again",
        )
