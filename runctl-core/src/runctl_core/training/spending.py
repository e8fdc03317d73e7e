"""How the budgets of a day and of a month stand: what was spent, and what may still come.

What is spent is what the books say. What may still come is each resource that is there, and each that
is being made, at its price until its deadline; one without a deadline for an hour, because nobody
knows how long it stays. An unknown price is in no figure, and every figure says so.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from attrs import frozen

from runctl_core.clock import day_of, month_of
from runctl_core.models.money import Total
from runctl_core.training.limits import hours

if TYPE_CHECKING:
    from runctl_core.tracking import ResourceTracker

_HOUR = timedelta(hours=1)


@frozen
class Budgets:
    """What the user allows.

    Attributes:
        daily_usd: Dollars for a UTC day; None for no limit.
        monthly_usd: Dollars for a UTC month; None for no limit.
        owner: Whose resources count, besides those of every run in these books.
        raise_daily: The command that sets another daily budget, with `{}` for the dollars.
        raise_monthly: The same of the monthly one.
    """

    daily_usd: Decimal | None = None
    monthly_usd: Decimal | None = None
    owner: str = ""
    raise_daily: str = "runctl config set daily_budget {}"
    raise_monthly: str = "runctl config set monthly_budget {}"


@frozen
class Period:
    """A UTC day or month with its budget.

    Attributes:
        budget: `daily` or `monthly`.
        name: `2026-11-24` or `2026-11`.
        since: Its beginning.
        until: Its end, not included.
        limit_usd: The budget.
        raise_with: The command that sets another one, with `{}` for the dollars.
    """

    budget: str
    name: str
    since: datetime
    until: datetime
    limit_usd: Decimal
    raise_with: str


@frozen
class Spending:
    """How a budget stands.

    Attributes:
        period: The budget and its period.
        spent: What was spent in the period until now.
        committed_usd: What everything that is there may still cost in the period.
        hourly_usd: What is paid per hour now.
        unknown: How many resources of unknown price are not in these figures.
    """

    period: Period
    spent: Total
    committed_usd: Decimal
    hourly_usd: Decimal
    unknown: int

    def with_run(self, hourly_usd: Decimal | None, longest: Decimal | None) -> Decimal:
        """What the period may come to with one run more.

        Args:
            hourly_usd: The run's price; one that is unknown adds nothing.
            longest: After how many hours it ends at the latest; None when nothing ends it.
        """
        most = Decimal(1) if longest is None else self.most_hours(longest)
        return self.spent.usd + self.committed_usd + (hourly_usd or Decimal(0)) * most

    def most_hours(self, wanted: Decimal) -> Decimal:
        """How much of so many hours can fall into one such period."""
        return min(wanted, hours(self.period.until - self.period.since))


def periods(budgets: Budgets, at: datetime) -> list[Period]:
    """The day and the month of a moment, as far as they have a budget."""
    day, month = day_of(at), month_of(at)
    next_month = month_of(month + timedelta(days=32))
    found = []
    if (limit := budgets.daily_usd) is not None:
        end = day + timedelta(days=1)
        found.append(Period("daily", f"{day:%Y-%m-%d}", day, end, limit, budgets.raise_daily))
    if (limit := budgets.monthly_usd) is not None:
        found.append(Period("monthly", f"{day:%Y-%m}", month, next_month, limit, budgets.raise_monthly))
    return found


def spending(
    tracker: ResourceTracker, budgets: Budgets, at: datetime, *, but: str | None = None
) -> list[Spending]:
    """How each budget stands, without what the intent with the token `but` may bring."""
    found = periods(budgets, at)
    if not found:
        return []
    there = tracker.commitments(budgets.owner, but=but)
    return [
        _spending(period, tracker.total_cost(since=period.since, until=at, owner=budgets.owner), there, at)
        for period in found
    ]


def _spending(
    period: Period, spent: Total, there: list[tuple[Decimal | None, datetime | None]], at: datetime
) -> Spending:
    known = [(hourly, deadline) for hourly, deadline in there if hourly is not None]
    committed = sum((hourly * _still(deadline, period, at) for hourly, deadline in known), Decimal(0))
    hourly = sum((hourly for hourly, _ in known), Decimal(0))
    return Spending(period, spent, committed, hourly, max(spent.unknown, len(there) - len(known)))


def _still(deadline: datetime | None, period: Period, at: datetime) -> Decimal:
    """For how many hours of the period something may still be paid for."""
    end = at + _HOUR if deadline is None or deadline <= at else deadline
    return hours(min(end, period.until) - at)
