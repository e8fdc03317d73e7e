"""How much there is, what it costs now, and what was spent, in all and by group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from attrs import frozen

from runctl_core.inventory.items import Item
from runctl_core.models.burn import Burn
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
        now: How many resources there are, and what they cost an hour.
        today: What was spent since midnight, UTC, also on what is gone.
        month: What was spent since the first of the month.
    """

    key: str
    now: Burn
    today: Total
    month: Total


@frozen
class Summary:
    """Everything in one group, and the groups of each grouping, the dearest first."""

    whole: Group
    groups: Mapping[str, tuple[Group, ...]]


def burn(items: Iterable[Item]) -> Burn:
    """What the items cost an hour together."""
    return sum((_burn(item) for item in items), Burn())


def _burn(item: Item) -> Burn:
    price = item.resource.price
    usd = price.hourly_usd or Decimal(0)
    return Burn(usd, int(not price.known), usd if price.estimated else Decimal(0), 1)


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
    return Summary(Group("", burn(items), *spent), groups)


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
        Group(key, burn(of_key), today.get(key, Total()), month.get(key, Total()))
        for key, of_key in members.items()
    ]
    return tuple(sorted(found, key=lambda group: (-group.now.hourly_usd, -group.month.usd, group.key)))
