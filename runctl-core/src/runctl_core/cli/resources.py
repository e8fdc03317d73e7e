"""`runctl resources list` and `summary`: what there is at every provider, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, ProviderFilter, states
from runctl_core.cli.resources_view import (
    AgeFilter,
    AllFlag,
    OfflineFlag,
    ProjectFilter,
    TagFilter,
    look,
    made_before,
    show,
    tags,
    tell_problems,
)
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from runctl_core.inventory import Inventory
    from runctl_core.inventory.filters import Filter
    from runctl_core.inventory.summary import Group, Summary
    from runctl_core.models.money import Total


def list_(
    provider: ProviderFilter = None,
    resource_state: Annotated[
        list[str] | None, Option("--state", metavar="STATE", help="Only this state; again for more.")
    ] = None,
    kind: Annotated[
        list[str] | None, Option(metavar="KIND", help="Only `machine`, `volume` …; again for more.")
    ] = None,
    owner: Annotated[str | None, Option(help="Only this owner's.")] = None,
    project: ProjectFilter = None,
    tag: TagFilter = None,
    older_than: AgeFilter = None,
    every: AllFlag = False,
    offline: OfflineFlag = False,
    strict: Annotated[bool, Option("--strict", help="Fail when a provider does not answer.")] = False,
    json: JsonFlag = False,
) -> None:
    """List what there is at every installed provider, asked all at once, the dearest first.

    Unknown prices come before every known one. A provider that does not answer in time is named, and
    its resources are shown as they were last seen.

    Examples:
        runctl resources list
        runctl resources list --all --state stopped --older-than 7d
        runctl resources list --tag team=vision --json
    """
    from runctl_core.clock import now
    from runctl_core.inventory.documents import of_inventory
    from runctl_core.inventory.filters import Filter, select
    from runctl_core.models.resources import ResourceState

    wanted = Filter(
        every=every,
        states=states(ResourceState, resource_state, "running"),
        kinds=kind or (),
        owner=owner,
        project=project,
        tags=tags(tag),
        made_before=made_before(older_than),
    )
    found = look(Session(), provider, offline=offline)
    shown = select(found, wanted)
    if json:
        output.print_json(of_inventory(shown))
    else:
        show(shown, empty="no resources")
        _tell_total(shown)
        _tell_hidden(found, wanted)
    tell_problems(shown, now())
    if strict and shown.problems:
        raise next(iter(shown.problems.values()))


def _tell_total(shown: Inventory) -> None:
    from runctl_core.inventory.summary import burn

    if now := burn(shown.items) if shown.items else None:
        output.note(f"{output.count(now.resources, 'resource')}, {output.per_hour(*now.figures)}")


def _tell_hidden(found: Inventory, wanted: Filter) -> None:
    from attrs import evolve

    admits = evolve(wanted, every=True).admits
    hidden = sum(1 for item in found.items if not item.ours and admits(item))
    if hidden and not wanted.every:
        output.note(f"{output.count(hidden, 'resource')} that runctl did not start: --all shows them")


def summary(every: AllFlag = False, offline: OfflineFlag = False, json: JsonFlag = False) -> None:
    """Sum up what there is, what it costs an hour now, and what was spent today and this month.

    By provider, project, owner and state. What was spent counts what is gone by now, too; days and
    months are those of UTC. Money spent in a state is what the time in it cost.

    Examples:
        runctl resources summary
        runctl resources summary --offline --json
    """
    from runctl_core.clock import day_of, month_of, now
    from runctl_core.inventory.documents import of_summary
    from runctl_core.inventory.filters import Filter, select
    from runctl_core.inventory.summary import summarize

    session = Session()
    found = select(look(session, None, offline=offline), Filter(every=every))
    at = found.taken_at
    today, month = (_spent(session, since, at) for since in (day_of(at), month_of(at)))
    summed = summarize(found.items, today, month)
    if json:
        output.print_json(of_summary(found, summed))
    else:
        _show_groups(summed)
    tell_problems(found, now())


def _spent(session: Session, since: datetime, until: datetime) -> Mapping[str, Mapping[str, Total]]:
    from runctl_core.inventory.summary import GROUPS

    return {by: session.tracker.costs(by=by, since=since, until=until) for by in GROUPS}


def _show_groups(summed: Summary) -> None:
    rows = [(group.key, by, *_figures(group)) for by, found in summed.groups.items() for group in found]
    rows.append(("all", "", *_figures(summed.whole)))
    columns = ("GROUP", "BY", "COUNT", "NOW", "TODAY", "MONTH", "UNKNOWN")
    output.table(columns, rows, empty="no resources", less_wanted=("COUNT",))


def _figures(group: Group) -> tuple[str, ...]:
    """Count and money, and how many resources of unknown price the money leaves out."""
    now, spent = group.now, (group.today, group.month)
    unknown = max(now.unknown, *(total.unknown for total in spent))
    return (
        str(now.resources),
        output.per_hour(now.hourly_usd, 0, now.estimated_hourly_usd),
        *(output.cost(total.usd, 0, total.estimated_usd) for total in spent),
        str(unknown or ""),
    )
