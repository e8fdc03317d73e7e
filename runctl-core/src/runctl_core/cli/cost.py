"""`runctl cost`: what was spent, from the ledger of intervals, and `burn`: what is paid per hour now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, SinceOption, complete_runs
from runctl_core.cli.session import Session
from runctl_core.clock import now
from runctl_core.words import total

if TYPE_CHECKING:
    from runctl_core.models.burn import Burn
    from runctl_core.models.money import Total

_CALENDAR = ("day", "month")
_GROUPS = ("run", "project", "owner", "provider", "resource", *_CALENDAR)


def cost(
    run: Annotated[
        str | None, Argument(metavar="[RUN]", help="One run only.", autocompletion=complete_runs)
    ] = None,
    by: Annotated[
        str, Option(metavar="|".join(_GROUPS), help="Group by; days and months are those of UTC.")
    ] = "run",
    since: SinceOption = None,
    until: Annotated[
        str | None, Option(metavar="DAY|AGE", help="Up to this UTC day, not included, or an age.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Show what was spent, and what is paid per hour now, the dearest first.

    Unknown prices are not zero: totals say how many resources they leave out. `~` marks an amount of
    which a part is an estimate: a list price, or time in which nobody saw whether the resource was
    still there.

    Examples:
        runctl cost --by month
        runctl cost brave-otter-41
        runctl cost --by project --since 7d --json
    """
    from runctl_core.cli.moments import moment
    from runctl_core.errors import UsageError

    session = Session()
    if by not in _GROUPS:
        raise UsageError(f"cannot group by {by}", why=f"groups: {', '.join(_GROUPS)}", fix="--by run")
    begin = None if since is None else moment(since, "--since")
    end = None if until is None else moment(until, "--until")
    run_id = None
    if run is not None:
        run_id = session.settled_run(run).id
    elif session.tracker.has_open_ends():
        session.settle()
    _show(session, by, {"since": begin, "until": end, "run_id": run_id}, json)


def _show(session: Session, by: str, window: dict[str, Any], json: bool) -> None:
    from runctl_core.models.burn import Burn
    from runctl_core.models.money import Total

    # One moment for every sum, or what goes on would make the rows differ from their total.
    tracker, run_id, at = session.tracker, window["run_id"], now()
    part = {**window, "until": min(window["until"] or at, at)}
    spent, whole = tracker.costs(by=by, **part), tracker.total_cost(**part)
    paid = tracker.burn(by="provider" if by in _CALENDAR else by, run_id=run_id)
    burn = sum(paid.values(), Burn())
    here: dict[str, Burn] = {} if by in _CALENDAR else paid
    if run_id is not None and by == "run":
        spent = spent or {run_id: Total()}
    keys = list(spent) if by in _CALENDAR else _dearest_first(spent)
    if json:
        _print_json(by, window, {key: (spent[key], here.get(key, Burn())) for key in keys}, whole, burn)
        return
    rows = [(key, total(spent[key]), _paid(here.get(key))) for key in keys]
    output.table((by.upper(), "COST", "NOW"), rows, empty="nothing was spent")
    if len(rows) > 1 or (burn.resources and by in _CALENDAR):
        output.note(f"total {total(whole)}{f', {_paid(burn)} now' if burn.resources else ''}")


def _dearest_first(spent: dict[str, Total]) -> list[str]:
    return sorted(spent, key=lambda key: (-spent[key].usd, -spent[key].unknown, key))


def _paid(burn: Burn | None) -> str:
    return "" if burn is None else output.per_hour(*burn.figures)


def _print_json(
    by: str, window: dict[str, Any], rows: dict[str, tuple[Total, Burn]], whole: Total, burn: Burn
) -> None:
    from runctl_core.fields import moment, of_burn, of_total

    output.print_json(
        {
            "by": by,
            "run": window["run_id"],
            "since_at": moment(window["since"]),
            "until_at": moment(window["until"]),
            "rows": [{"key": key, **of_total(t), **of_burn(*b.figures)} for key, (t, b) in rows.items()],
            **of_total(whole),
            **of_burn(*burn.figures),
        }
    )


def burn(json: JsonFlag = False) -> None:
    """Show what is paid per hour now, by the last known state.

    Nobody is asked, so that it answers at once and fits into a shell's prompt; `runctl resources list`
    asks every provider. `+2 unknown` says that two resources of unknown price are not in the figure.

    Examples:
        runctl burn
        runctl burn --json
    """
    from runctl_core.cli.burn import in_words
    from runctl_core.fields import moment
    from runctl_core.models.burn import Burn

    tracker = Session().tracker
    paid = sum(tracker.burn().values(), Burn())
    seen = min((tracked.last_seen for tracked in tracker.resources()), default=None) if json else None
    output.print_text(in_words(paid.figures, paid.resources, moment(seen), json=json))
