"""What a run may take and cost: its deadline, its budget, its highest price. Pure functions."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from runctl_core.errors import PriceLimitError, Refused
from runctl_core.models.resources import Offer, Resource
from runctl_core.models.runs import Run
from runctl_core.training.plan import Plan

_TEN_YEARS_S = Decimal(10 * 365 * 86400)


def deadline(
    run: Run, plan: Plan, hourly_usd: Decimal | None, spent_usd: Decimal, at: datetime
) -> tuple[datetime | None, bool]:
    """The moment at which the attempt ends, and whether the budget sets it rather than the hours.

    Args:
        run: The run; its hours count from its creation, over all attempts.
        plan: Its limits.
        hourly_usd: The price of its resource.
        spent_usd: What all its attempts cost until now.
        at: The present moment.

    Raises:
        Refused: That moment is past.
    """
    by_hours = None if plan.max_hours is None else run.created_at + timedelta(hours=plan.max_hours)
    by_budget = _by_budget(plan, hourly_usd, spent_usd, at)
    ends = [end for end in (by_hours, by_budget) if end is not None]
    if not ends:
        return None, False
    if min(ends) <= at:
        raise Refused(
            f"{run.id} has used up its deadline or its budget",
            why="both cover all attempts of a run together",
            fix=f"runctl resume {run.id} with more --max-hours or --budget",
        )
    return min(ends), min(ends) != by_hours


def _by_budget(plan: Plan, hourly_usd: Decimal | None, spent_usd: Decimal, at: datetime) -> datetime | None:
    if plan.budget_usd is None or not hourly_usd:
        return None
    seconds = max(Decimal(0), plan.budget_usd - spent_usd) / hourly_usd * 3600
    return at + timedelta(seconds=float(min(seconds, _TEN_YEARS_S)))


def affordable(offers: list[Offer], plan: Plan) -> list[Offer]:
    """The offers that a budget can be kept with: those of a known price. Raises Refused for none."""
    if plan.budget_usd is None:
        return offers
    known = [offer for offer in offers if offer.price.known]
    if not known:
        raise Refused(
            f"a budget needs a price, and nobody knows the price of {offers[0].name}",
            fix="--max-hours instead of --budget",
        )
    return known


def require_price(resource: Resource, plan: Plan) -> None:
    """Raise PriceLimitError when a resource turns out dearer than its offer, and than was allowed."""
    limit, hourly = plan.resource_request().max_hourly_usd, resource.price.hourly_usd
    if limit is not None and (hourly is None or hourly > limit):
        raise PriceLimitError(
            f"{resource.name} was offered for ${limit} per hour or less, and costs more",
            why="its price is unknown" if hourly is None else f"it costs ${hourly} per hour",
            fix="a higher --max-price, or another --instance-type",
        )


def ceiling(plan: Plan, hourly_usd: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    """After how many hours a first attempt ends at the latest, and what it costs at most.

    None means that nothing limits it; a cost is None when the price is unknown too.
    """
    hours = None if plan.max_hours is None else Decimal(str(plan.max_hours))
    if plan.budget_usd is not None and hourly_usd:
        by_budget = plan.budget_usd / hourly_usd
        hours = by_budget if hours is None else min(hours, by_budget)
    if hours is None:
        return None, Decimal(0) if hourly_usd == 0 else None
    return hours, None if hourly_usd is None else hours * hourly_usd


def hours_until(deadline: datetime | None, at: datetime) -> Decimal | None:
    """How long it is to a deadline; None when there is none."""
    return None if deadline is None else max(Decimal(0), hours(deadline - at))


def hours(span: timedelta) -> Decimal:
    """A span of time in hours, to the microsecond."""
    return Decimal(span // timedelta(microseconds=1)) / 3_600_000_000
