"""What was spent: the sum of intervals (resource, state, price, from, to).

Durations are added as whole microseconds in SQL, for each pair of key and price, and multiplied as
`Decimal` here: exact, and quick over a hundred thousand resources.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from runctl_core.clock import from_micros, to_micros
from runctl_core.models.money import Total

GROUPS = {
    "run": "resources.run_id",
    "project": "resources.project",
    "owner": "resources.owner",
    "provider": "resources.provider",
    "resource": "resources.provider || '/' || resources.id",
}
"""What costs can be grouped by, besides `day` and `month`, and the column it is."""

NOBODY = "(none)"
"""The key of what carries no tag for the group."""

_HOUR = Decimal(3_600_000_000)


def by_column(
    db: sqlite3.Connection,
    by: str,
    since: datetime | None,
    until: datetime,
    run_id: str | None = None,
) -> dict[str, Total]:
    """Totals for each value of a column, in the window from `since` to `until`."""
    low = 0 if since is None else to_micros(since)
    high = to_micros(until)
    only_run = "" if run_id is None else "AND resources.run_id = :run"
    query = f"""
        SELECT {GROUPS[by]}, intervals.hourly_usd,
               SUM(MIN(COALESCE(until, :high), :high) - MAX(since, :low)),
               CASE WHEN intervals.hourly_usd IS NULL THEN COUNT(DISTINCT resource) ELSE 0 END
        FROM intervals JOIN resources ON resources.key = intervals.resource
        WHERE MIN(COALESCE(until, :high), :high) > MAX(since, :low) {only_run}
        GROUP BY 1, 2
    """  # noqa: S608
    totals: dict[str, Total] = {}
    for key, hourly, micros, unknown in db.execute(query, {"low": low, "high": high, "run": run_id}):
        part = Total(unknown=unknown) if hourly is None else Total(Decimal(hourly) * micros / _HOUR)
        name = key or NOBODY
        totals[name] = totals.get(name, Total()) + part
    return dict(sorted(totals.items()))


def by_calendar(db: sqlite3.Connection, by: str, since: datetime | None, until: datetime) -> dict[str, Total]:
    """Totals for each UTC day or month that has any."""
    first = db.execute("SELECT MIN(since) FROM intervals").fetchone()[0]
    if first is None:
        return {}
    begin = max(from_micros(first), since) if since else from_micros(first)
    totals: dict[str, Total] = {}
    for low, high in _periods(begin, until, by):
        parts = by_column(db, "provider", low, high).values()
        if parts:
            totals[low.strftime("%Y-%m-%d" if by == "day" else "%Y-%m")] = sum(parts, Total())
    return totals


def _periods(begin: datetime, end: datetime, by: str) -> Iterator[tuple[datetime, datetime]]:
    low = begin
    while low < end:
        midnight = low.replace(hour=0, minute=0, second=0, microsecond=0)
        after = midnight + timedelta(days=1)
        if by == "month":
            after = (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield low, min(after, end)
        low = after
