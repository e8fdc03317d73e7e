"""What a report says: what there is now, what an hour of it costs, and what was spent.

Every sum is the ledger's. Nothing is left out: each section of the month's spending adds up to the
month's total.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from attrs import frozen

from runctl_core.inventory import Inventory, Item
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
        at: When it was made.
        lines: The resources, dearest per hour first, unknown prices before them.
        hourly: What an hour of all of ours costs now.
        today: Spent since midnight, UTC.
        month: Spent since the first of the month, UTC.
        days: The date of each of the last days, in order, and what was spent on it.
        groups: The month's spending by group and key, largest first.
        problems: Each provider that did not answer, and why: its rows are the last known ones.
    """

    at: datetime
    lines: tuple[Line, ...]
    hourly: Total
    today: Total
    month: Total
    days: tuple[tuple[str, Total], ...]
    groups: Mapping[str, tuple[tuple[str, Total], ...]]
    problems: Mapping[str, str]


def make_report(tracker: ResourceTracker, inventory: Inventory, *, every: bool = False) -> Report:
    """Put a report together.

    Args:
        tracker: The books.
        inventory: What there is; its moment is the report's.
        every: Also what runctl did not make.
    """
    at = inventory.taken_at
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    month = midnight.replace(day=1)
    spent = tracker.costs(by="resource", until=at)
    shown = [item for item in inventory.items if every or item.first_seen is not None]
    lines = [Line(item, spent.get(item.key) if item.first_seen else None) for item in shown]
    return Report(
        at=at,
        lines=tuple(sorted(lines, key=lambda line: line.item.by_price)),
        hourly=_hourly(inventory),
        today=_sum(tracker.costs(by="provider", since=midnight, until=at)),
        month=_sum(tracker.costs(by="provider", since=month, until=at)),
        days=_days(tracker, midnight, at),
        groups={by: _largest_first(tracker.costs(by=by, since=month, until=at)) for by in GROUPS},
        problems={name: error.message for name, error in inventory.problems.items()},
    )


def _hourly(inventory: Inventory) -> Total:
    prices = [item.resource.price for item in inventory.items if item.first_seen is not None]
    known = [price for price in prices if price.hourly_usd is not None]
    usd = sum((price.hourly_usd or Decimal(0) for price in known), Decimal(0))
    estimated = sum((price.hourly_usd or Decimal(0) for price in known if price.estimated), Decimal(0))
    return Total(usd, len(prices) - len(known), estimated)


def _sum(totals: Mapping[str, Total]) -> Total:
    return sum(totals.values(), Total())


def _days(tracker: ResourceTracker, midnight: datetime, at: datetime) -> tuple[tuple[str, Total], ...]:
    begin = midnight - timedelta(days=DAYS - 1)
    spent = tracker.costs(by="day", since=begin, until=at)
    dates = [f"{begin + timedelta(days=day):%Y-%m-%d}" for day in range(DAYS)]
    return tuple((date, spent.get(date, Total())) for date in dates)


def _largest_first(totals: Mapping[str, Total]) -> tuple[tuple[str, Total], ...]:
    return tuple(sorted(totals.items(), key=lambda row: (-row[1].usd, row[0])))
