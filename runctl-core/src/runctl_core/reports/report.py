"""What a report says: what there is now, what an hour of it costs, and what was spent.

Every sum is the ledger's. Nothing is left out: each section of the month's spending adds up to the
month's total.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import frozen

from runctl_core.clock import day_of, month_of
from runctl_core.inventory import Inventory, Item
from runctl_core.inventory.filters import Filter, select
from runctl_core.inventory.summary import burn
from runctl_core.models.burn import Burn
from runctl_core.models.money import Total
from runctl_core.tracking import ResourceTracker

DAYS = 30
"""How many days back the cost of each day is shown."""

GROUPS = ("provider", "project", "owner", "run")
"""What the month's spending is grouped by."""


@frozen
class Line:
    """One resource.

    Attributes:
        item: The resource, and what the books say of it.
        spent: What it cost up to now; None for one that is not in the books.
    """

    item: Item
    spent: Total | None


@frozen
class Report:
    """Everything that a report shows.

    Attributes:
        inventory: What is shown, and the providers that did not answer: their rows are the last known
            ones. Its moment is the report's.
        lines: The resources, dearest per hour first, unknown prices before them.
        now: What an hour of all of ours costs.
        today: Spent since midnight, UTC.
        month: Spent since the first of the month, UTC.
        days: The date of each of the last days, in order, and what was spent on it.
        groups: The month's spending by group and key, largest first.
    """

    inventory: Inventory
    lines: tuple[Line, ...]
    now: Burn
    today: Total
    month: Total
    days: tuple[tuple[str, Total], ...]
    groups: Mapping[str, tuple[tuple[str, Total], ...]]


def make_report(tracker: ResourceTracker, inventory: Inventory, *, every: bool = False) -> Report:
    """Put a report together.

    Args:
        tracker: The books.
        inventory: What there is; its moment is the report's.
        every: Also what runctl neither made nor adopted.
    """
    at = inventory.taken_at
    midnight, month = day_of(at), month_of(at)
    spent = tracker.costs(by="resource", until=at)
    shown = select(inventory, Filter(every=every))
    return Report(
        inventory=shown,
        lines=tuple(Line(item, spent.get(item.key) if item.first_seen else None) for item in shown.items),
        now=burn(item for item in inventory.items if item.ours),
        today=tracker.total_cost(since=midnight, until=at),
        month=tracker.total_cost(since=month, until=at),
        days=_days(tracker, midnight, at),
        groups={by: _largest_first(tracker.costs(by=by, since=month, until=at)) for by in GROUPS},
    )


def _days(tracker: ResourceTracker, midnight: datetime, at: datetime) -> tuple[tuple[str, Total], ...]:
    begin = midnight - timedelta(days=DAYS - 1)
    spent = tracker.costs(by="day", since=begin, until=at)
    dates = [f"{begin + timedelta(days=day):%Y-%m-%d}" for day in range(DAYS)]
    return tuple((date, spent.get(date, Total())) for date in dates)


def _largest_first(totals: Mapping[str, Total]) -> tuple[tuple[str, Total], ...]:
    return tuple(sorted(totals.items(), key=lambda row: (-row[1].usd, row[0])))
