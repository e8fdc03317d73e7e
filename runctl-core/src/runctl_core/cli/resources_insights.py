"""`runctl resources insights`: what costs money and need not, with the command that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, ProviderFilter
from runctl_core.cli.resources_view import AllFlag, OfflineFlag, look, tell_problems
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

    from runctl_core.inventory import Inventory, Item
    from runctl_core.inventory.insights import Facts, Insight
    from runctl_core.models.jobs import Usage
    from runctl_core.models.resources import Offer
    from runctl_core.models.runs import Run
    from runctl_core.models.warnings import UsageWarning

_ASKED = 64
"""The number of live runs, the dearest first, whose machines are asked what they use."""


def insights(
    provider: ProviderFilter = None,
    every: AllFlag = False,
    offline: OfflineFlag = False,
    json: JsonFlag = False,
) -> None:
    """Find what costs money and need not, the dearest first.

    Findings: expired, idle, stopped (and still billing), unattached, old, oversized, spot (a machine that
    is cheaper as one), untagged. Each has what its resource costs in a month of 730 hours, and the
    command that mends it. What you ignore has none.

    Examples:
        runctl resources insights
        runctl resources insights --all --json
    """
    from runctl_core.inventory.documents import of_insights
    from runctl_core.inventory.filters import Filter, select
    from runctl_core.inventory.insights import Facts
    from runctl_core.inventory.insights import insights as find_insights

    session = Session()
    found = select(look(session, provider, offline=offline), Filter(every=every))
    facts = Facts(owner=session.owner) if offline else _facts(session, found)
    told = find_insights(found, facts, found.taken_at)
    if json:
        output.print_json(of_insights(found, told))
    else:
        _show(told)
    tell_problems(found, found.taken_at)


def _show(told: Sequence[Insight]) -> None:
    """The findings; on a terminal the commands stand below the table, where none is cut."""
    from runctl_core.inventory.insights import worth

    whole = not output.results().isatty()
    rows = [(i.item.key, str(i.finding), _monthly(i.monthly_usd), i.detail, i.fix * whole) for i in told]
    columns = ("RESOURCE", "FINDING", "A MONTH", "EVIDENCE", "MEND IT")
    output.table(columns, rows, empty="nothing to save")
    if not told:
        return
    usd, unknown = worth(told)
    resources = output.count(len({i.item.key for i in told}), "resource")
    output.note(f"{resources} of {output.cost(usd, unknown)} a month")
    mended: dict[str, list[str]] = {}
    for insight in told if not whole else ():
        mended.setdefault(insight.fix, []).append(str(insight.finding))
    output.notes((", ".join(findings), fix) for fix, findings in mended.items())


def _monthly(usd: Decimal | None) -> str:
    return "unknown price" if usd is None else output.cost(usd)


def _facts(session: Session, found: Inventory) -> Facts:
    """What the machines of live runs use, and what spot machines cost, asked all at once."""
    from runctl_core.calls import ask_all
    from runctl_core.inventory.insights import Facts

    answered = [item for item in found.items if item.resource.provider not in found.problems]
    live = [(item, run) for item in answered if (run := _live_run(item)) is not None][:_ASKED]
    runs = {item.key: run for item, run in live}
    questions: dict[str, Callable[[], list[Any]]] = {
        item.key: _usage_of(session, item, run) for item, run in live
    }
    names = _with_machines(answered)
    questions |= {name: _spot_of(session, name) for name in names}
    answers, _ = ask_all(questions, lambda key: questions[key]())
    usage = {key: samples for key, samples in answers.items() if key in runs}
    spot = [_cheapest(name, answers[name]) for name in names if name in answers]
    return Facts(
        owner=session.owner,
        usage=usage,
        warnings=_warned(session, usage, runs),
        spot={place: usd for each in spot for place, usd in each.items()},
    )


def _warned(
    session: Session, usage: Mapping[str, Sequence[Usage]], runs: Mapping[str, Run]
) -> dict[str, list[UsageWarning]]:
    from runctl_core.clock import now
    from runctl_core.diagnosis import warnings

    return {
        key: warnings(samples, session.settings, now(), run=runs[key].id) for key, samples in usage.items()
    }


def _live_run(item: Item) -> Run | None:
    """The run whose job is on it now."""
    run = item.run
    return run if run is not None and not run.state.over and run.resource_id == item.resource.id else None


def _usage_of(session: Session, item: Item, run: Run) -> Callable[[], list[Usage]]:
    from runctl_core.calls import call
    from runctl_core.models.jobs import Usage
    from runctl_core.models.runs import handle_of

    def ask() -> list[Usage]:
        return list(session.provider(item.resource.provider).executor(item.resource).usage(handle_of(run)))

    timeout_s = session.settings.list_timeout_seconds
    return lambda: call(f"{item.key}: usage", ask, timeout_s=timeout_s, gives=Usage)


def _spot_of(session: Session, name: str) -> Callable[[], list[Offer]]:
    from runctl_core.calls import call
    from runctl_core.models.resources import Offer, ResourceRequest

    def ask() -> list[Offer]:
        return list(session.provider(name).offers(ResourceRequest(spot=True)))

    timeout_s = session.settings.list_timeout_seconds
    return lambda: call(f"{name}: offers", ask, timeout_s=timeout_s, gives=Offer)


def _with_machines(items: Sequence[Item]) -> list[str]:
    """The providers of which a machine bills that may not be taken away."""
    return sorted(
        {
            i.resource.provider
            for i in items
            if i.bills and i.resource.kind == "machine" and not i.resource.spot
        }
    )


def _cheapest(name: str, offers: Sequence[Any]) -> dict[tuple[str, str], Decimal]:
    """The price of the cheapest free spot offer of each type."""
    found: dict[tuple[str, str], Decimal] = {}
    for offer in offers:
        usd, place = offer.price.hourly_usd, (name, offer.name)
        if offer.spot and offer.available is not False and usd is not None:
            found[place] = min(usd, found.get(place, usd))
    return found
