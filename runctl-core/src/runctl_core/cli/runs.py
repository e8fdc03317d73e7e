"""`runctl ps` and `runs`: what runs, and what ran."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from runctl_core.cli import listing, output
from runctl_core.cli.options import JsonFlag, ProviderFilter, SinceOption, states
from runctl_core.cli.session import Session


def ps(
    every: Annotated[bool, Option("--all", "-a", help="Those that are over too.")] = False,
    json: JsonFlag = False,
) -> None:
    """List the runs that are not over.

    Examples:
        runctl ps
        runctl ps --all --json
    """
    listing.ps(every=every, json=json)


def runs(
    state: Annotated[
        list[str] | None, Option(metavar="STATE", help="Only this state; again for more.")
    ] = None,
    project: Annotated[str | None, Option(help="Only this project.")] = None,
    owner: Annotated[str | None, Option(help="Only this owner.")] = None,
    provider: ProviderFilter = None,
    since: SinceOption = None,
    limit: Annotated[int, Option(min=0, help="At most so many, newest first; 0 for all.")] = 50,
    json: JsonFlag = False,
) -> None:
    """List the history of runs, newest first.

    Examples:
        runctl runs --state failed --since 7d
        runctl runs --project mnist --json
    """
    from runctl_core.cli.moments import moment
    from runctl_core.models.runs import RunState

    session = Session()
    listing.settle(session)
    found = session.tracker.runs(
        states=states(RunState, state, "failed") or None,
        project=project,
        owner=owner,
        providers=provider or None,
        since=moment(since, "--since") if since else None,
        limit=limit + 1 if limit else None,
    )
    shown = found[:limit] if limit else found
    listing.show(shown, json=json)
    if len(found) > len(shown):
        output.note(f"only the newest {limit}; --limit 0 lists all")
