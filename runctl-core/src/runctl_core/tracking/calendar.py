"""What was spent on each UTC day or in each UTC month, in one pass over the intervals.

An interval is cut at midnight into a first part, a last part, and whole days between them. The whole
days are kept as steps (so much more per day from here, so much less from there), so that a year costs
no more than a day.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from decimal import Decimal
from itertools import accumulate

from runctl_core.clock import from_micros
from runctl_core.models.money import Total
from runctl_core.tracking import costs
from runctl_core.tracking.costs import HOUR_MICROS, Window

DAY_MICROS = 86_400_000_000

_KNOWN = f"""
    SELECT hourly, estimated, low / {DAY_MICROS} AS first, (high - 1) / {DAY_MICROS} AS last, COUNT(*),
           SUM(MIN(high, (low / {DAY_MICROS} + 1) * {DAY_MICROS}) - low),
           SUM(high - MAX(low, (high - 1) / {DAY_MICROS} * {DAY_MICROS}))
    FROM (SELECT intervals.hourly_usd AS hourly, estimated, {{begin}} AS low, {{end}} AS high {{where}})
    WHERE hourly IS NOT NULL GROUP BY 1, 2, 3, 4
"""  # noqa: S608
_UNKNOWN = f"""
    SELECT resource, {{begin}} / {DAY_MICROS}, ({{end}} - 1) / {DAY_MICROS} {{where}}
    AND intervals.hourly_usd IS NULL
"""


class _Days:
    """A sum for each day since 1970, to which whole stretches of days are added at once."""

    def __init__(self) -> None:
        self._parts: dict[int, Decimal] = defaultdict(Decimal)
        self._steps: dict[int, Decimal] = defaultdict(Decimal)

    def add(self, day: int, amount: Decimal) -> None:
        """Add to one day."""
        self._parts[day] += amount

    def add_daily(self, first: int, last: int, amount: Decimal) -> None:
        """Add the amount to each day from `first` to `last`."""
        self._steps[first] += amount
        self._steps[last + 1] -= amount

    def sums(self) -> dict[int, Decimal]:
        """The sum of each day from the first to the last that has any."""
        known = {*self._parts, *self._steps}
        days = range(min(known, default=0), max(known, default=-1) + 1)
        daily = accumulate(self._steps[day] for day in days)
        return {day: self._parts[day] + whole for day, whole in zip(days, daily, strict=True)}


def by_calendar(db: sqlite3.Connection, by: str, window: Window) -> dict[str, Total]:
    """Totals for each day or month that has any, in their order."""
    usd, estimated, covered = _Days(), _Days(), _Days()
    for hourly, guessed, first, last, count, first_micros, last_micros in costs.rows(db, _KNOWN, window):
        covered.add_daily(first, last, Decimal(count))
        for days in (usd, estimated) if guessed else (usd,):
            days.add(first, Decimal(hourly) * first_micros)
            if last > first:
                days.add(last, Decimal(hourly) * last_micros)
                days.add_daily(first + 1, last - 1, Decimal(hourly) * count * DAY_MICROS)
    spent = {_period(day, by): Decimal(0) for day, count in covered.sums().items() if count}
    guesses = dict(spent)
    for sums, days in ((spent, usd), (guesses, estimated)):
        for day, amount in days.sums().items():
            if amount:
                sums[_period(day, by)] += amount
    unknown = _unknown(db, by, window)
    return {
        period: Total(
            spent.get(period, Decimal(0)) / HOUR_MICROS,
            len(unknown.get(period, ())),
            guesses.get(period, Decimal(0)) / HOUR_MICROS,
        )
        for period in sorted({*spent, *unknown})
    }


def _unknown(db: sqlite3.Connection, by: str, window: Window) -> dict[str, set[int]]:
    """The resources that had time at an unknown price in each period."""
    found: dict[str, set[int]] = defaultdict(set)
    for resource, first, last in costs.rows(db, _UNKNOWN, window):
        for day in range(first, last + 1):
            found[_period(day, by)].add(resource)
    return found


def _period(day: int, by: str) -> str:
    moment = from_micros(day * DAY_MICROS)
    return f"{moment:%Y-%m-%d}" if by == "day" else f"{moment:%Y-%m}"
