"""`runctl cost`: what was spent, from the ledger of intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, complete_runs
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from datetime import datetime

_GROUPS = ("run", "project", "owner", "provider", "resource", "day", "month")


def cost(
    run: Annotated[
        str | None, Argument(metavar="[RUN]", help="One run only.", autocompletion=complete_runs)
    ] = None,
    by: Annotated[str, Option(metavar="|".join(_GROUPS), help="Group by.")] = "run",
    since: Annotated[str | None, Option(metavar="DATE", help="From this day on (UTC).")] = None,
    until: Annotated[str | None, Option(metavar="DATE", help="Up to this day, not included.")] = None,
    json: JsonFlag = False,
) -> None:
    """Show what was spent, by run, project, owner, provider, resource, day or month.

    Unknown prices are not zero: totals say how many resources they leave out.

    Examples:
        runctl cost --by month
        runctl cost brave-otter-41
        runctl cost --by project --since 2026-11-01 --json
    """
    from runctl_core.errors import UsageError
    from runctl_core.models.money import Total
    from runctl_core.training.documents import of_total

    session = Session()
    if by not in _GROUPS:
        raise UsageError(f"cannot group by {by}", why=f"groups: {', '.join(_GROUPS)}", fix="--by run")
    if run is not None:
        _require_whole(by, since, until)
        found = session.settled_run(run)
        totals = {found.id: session.tracker.cost_of_run(found.id)}
    else:
        if session.tracker.has_open_ends():
            session.settle()
        totals = session.tracker.costs(by=by, since=_day(since), until=_day(until))
    whole = sum(totals.values(), Total())
    if json:
        rows = [{"key": key, **of_total(total)} for key, total in totals.items()]
        output.print_json({"by": by, "rows": rows, **of_total(whole)})
        return
    shown = [(key, output.cost(total.usd, total.unknown)) for key, total in totals.items()]
    output.table((by.upper(), "COST"), shown, empty="nothing was spent")
    if len(shown) > 1:
        output.note(f"total {output.cost(whole.usd, whole.unknown)}")


def _require_whole(by: str, since: str | None, until: str | None) -> None:
    """One run has one cost; a part of it must not be taken for the whole."""
    from runctl_core.errors import UsageError

    if by != "run" or since or until:
        raise UsageError("the cost of one run is neither grouped nor cut", fix="runctl cost RUN")


def _day(text: str | None) -> datetime | None:
    from datetime import UTC, datetime

    from runctl_core.errors import UsageError

    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise UsageError(f"{text!r} is no date", why=str(error), fix="--since 2026-11-01") from error
