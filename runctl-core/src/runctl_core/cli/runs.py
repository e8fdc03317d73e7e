"""`runctl ps` and `runs`: what runs, and what ran."""

from __future__ import annotations

from typing import Annotated, Any

from typer import Option

from runctl_core.cli import listing, output
from runctl_core.cli.options import JsonFlag
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
    state: Annotated[list[str] | None, Option(help="Only these states, such as `failed`.")] = None,
    project: Annotated[str | None, Option(help="Only this project.")] = None,
    owner: Annotated[str | None, Option(help="Only this owner.")] = None,
    provider: Annotated[str | None, Option(help="Only this provider.")] = None,
    since: Annotated[
        str | None, Option(metavar="DAY|AGE", help="From this UTC day on, or `12h`, `7d` ago.")
    ] = None,
    limit: Annotated[int, Option(min=0, help="At most so many, newest first; 0 for all.")] = 50,
    json: JsonFlag = False,
) -> None:
    """List the history of runs, newest first.

    Examples:
        runctl runs --state failed --since 7d
        runctl runs --project mnist --json
    """
    from runctl_core.cli.moments import moment

    session = Session()
    listing.settle(session)
    found = session.tracker.runs(
        states=_states(state) if state else None,
        project=project,
        owner=owner,
        provider=provider,
        since=moment(since, "--since") if since else None,
        limit=limit + 1 if limit else None,
    )
    shown = found[:limit] if limit else found
    listing.show(shown, json=json)
    if len(found) > len(shown):
        output.note(f"only the newest {limit}; --limit 0 lists all")


def _states(names: list[str]) -> list[Any]:
    from runctl_core.errors import UsageError
    from runctl_core.models.runs import RunState

    known = [str(state) for state in RunState]
    for name in names:
        if name not in known:
            raise UsageError(f"no state {name}", why=f"states: {', '.join(known)}", fix="--state failed")
    return [RunState(name) for name in names]
