"""How much there is, what it costs now, and what was spent, in all and by group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from attrs import frozen

from runctl_core.inventory.items import Item
from runctl_core.models.money import Total
from runctl_core.tracking.costs import NOBODY

GROUPS: Mapping[str, Callable[[Item], str | None]] = {
    "provider": lambda item: item.resource.provider,
    "project": lambda item: item.resource.project,
    "owner": lambda item: item.resource.owner,
    "state": lambda item: str(item.resource.state),
}
"""What a summary is made by, and what tells an item's group."""

Spent = Mapping[str, Mapping[str, Total]]
"""What was spent: the name of a grouping, a group's key, its total."""


@frozen
class Group:
    """What there is of one kind.

    Attributes:
        key: The group: a provider, a project, an owner, a state.
        count: How many resources.
        hourly_usd: What they cost an hour, the sum of every known price.
        unknown: How many of them have no known price, and are not in `hourly_usd`.
        estimated_usd: The part of `hourly_usd` that is an estimate.
        today: What was spent since midnight, UTC, also on what is gone.
        month: What was spent since the first of the month.
    """

    key: str
    count: int
    hourly_usd: Decimal
    unknown: int
    estimated_usd: Decimal
    today: Total
    month: Total


@frozen
class Summary:
    """Everything in one group, and the groups of each grouping, the dearest first."""

    whole: Group
    groups: Mapping[str, tuple[Group, ...]]


def summarize(items: Iterable[Item], today: Spent, month: Spent) -> Summary:
    """Sum up the items, beside what the ledger says.

    Args:
        items: What there is now.
        today: What was spent since midnight, by each of `GROUPS`.
        month: What was spent since the first of the month, likewise.
    """
    items = list(items)
    groups = {by: _groups(items, told, today[by], month[by]) for by, told in GROUPS.items()}
    spent = [sum(window["provider"].values(), Total()) for window in (today, month)]
    return Summary(_group("", items, *spent), groups)


def _groups(
    items: list[Item],
    told: Callable[[Item], str | None],
    today: Mapping[str, Total],
    month: Mapping[str, Total],
) -> tuple[Group, ...]:
    members: dict[str, list[Item]] = {key: [] for key in (*today, *month)}
    for item in items:
        members.setdefault(told(item) or NOBODY, []).append(item)
    found = [
        _group(key, group, today.get(key, Total()), month.get(key, Total())) for key, group in members.items()
    ]
    return tuple(sorted(found, key=lambda g: (-g.hourly_usd, -g.month.usd, g.key)))


def _group(key: str, items: list[Item], today: Total, month: Total) -> Group:
    prices = [item.resource.price for item in items]
    known = [price.hourly_usd for price in prices if price.hourly_usd is not None]
    estimated = [price.hourly_usd or Decimal(0) for price in prices if price.estimated]
    return Group(
        key,
        len(items),
        sum(known, Decimal(0)),
        len(items) - len(known),
        sum(estimated, Decimal(0)),
        today,
        month,
    )
