"""Whether a launch fits into the budgets of the day and the month, and when their user is warned.

A launch that does not fit is refused with its figures, before anything is bought. Each budget, and
that of each live run, is told of when 50, 80 and 100 % of it are spent: once, by whichever command
comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import TYPE_CHECKING

from runctl_core.clock import Clock
from runctl_core.errors import Refused
from runctl_core.models.resources import Offer
from runctl_core.models.runs import OVER, RunState
from runctl_core.training.limits import hours_until
from runctl_core.training.plan import Plan
from runctl_core.training.spending import Budgets, Spending, spending
from runctl_core.words import cost, count, hourly, per_hour

if TYPE_CHECKING:
    from runctl_core.tracking import ResourceTracker

WARN_PERCENT = (50, 80, 100)
"""The parts of a budget that are told of."""

_LIVE = [state for state in RunState if state not in OVER]
_LEAST_HOURS = Decimal("0.1")


class BudgetCheck:
    """Holds launches against the budgets, and warns.

    Args:
        tracker: The books.
        allowed: What a day and a month may cost; asked for when it is needed. May raise ConfigError.
        clock: The time.
    """

    def __init__(self, tracker: ResourceTracker, allowed: Callable[[], Budgets], clock: Clock) -> None:
        self._tracker = tracker
        self._allowed = allowed
        self._clock = clock

    def standing(self, *, but: str | None = None) -> list[Spending]:
        """How each budget stands, without what the intent with the token `but` may bring."""
        return spending(self._tracker, self._allowed(), self._clock(), but=but)

    def affordable(self, offers: list[Offer], hours: Callable[[Offer], Decimal | None]) -> list[Offer]:
        """The offers with which a run fits into every budget.

        Args:
            offers: What fits otherwise.
            hours: After how many hours the run ends on an offer at the latest; None when nothing does.

        Raises:
            Refused: There is none; with the figures of the first one.
        """
        standing = self.standing()
        refusals = [refusal(standing, offer, hours(offer)) for offer in offers]
        fitting = [offer for offer, refused in zip(offers, refusals, strict=True) if refused is None]
        if not fitting and refusals and refusals[0]:
            raise refusals[0]
        return fitting

    def require(self, offer: Offer, deadline: datetime | None, token: str) -> None:
        """Raise Refused when a resource that is about to be made breaks a budget.

        Its intent, with `token`, is written already: of two launches at once, each sees the other.
        """
        hours = hours_until(deadline, self._clock())
        if refused := refusal(self.standing(but=token), offer, hours):
            raise refused

    def warnings(self) -> Iterator[str]:
        """What has to be told now. What was told once is not told again, by any command."""
        for one in self.standing():
            limit = one.period.limit_usd
            if percent := self._reached(
                f"{one.period.budget} {limit}", one.period.name, one.spent.usd, limit
            ):
                yield _warning(one, percent)
        for run in self._tracker.runs(states=_LIVE):
            allowed = Plan.from_json(self._tracker.plan(run.id)).budget_usd
            if allowed is None:
                continue
            spent = self._tracker.cost_of_run(run.id)
            if percent := self._reached(f"run {allowed}", run.id, spent.usd, allowed):
                text = cost(spent.usd, spent.unknown, spent.estimated_usd)
                yield f"{percent} % of the budget of {cost(allowed)} of {run.id}: {text} spent"

    def _reached(self, budget: str, period: str, spent: Decimal, limit: Decimal) -> int:
        """The largest part that is spent, if it was not told of; 0 for nothing to tell."""
        reached = [percent for percent in WARN_PERCENT if spent * 100 >= limit * percent]
        return max(reached) if reached and self._tracker.mark_warned(budget, period, reached) else 0


def refusal(standing: Iterable[Spending], offer: Offer, hours: Decimal | None) -> Refused | None:
    """Why a run on an offer would break a budget; None when it fits into all. What is free always fits."""
    price = offer.price.hourly_usd
    for one in standing:
        after, limit = one.with_run(price, hours), one.period.limit_usd
        if price != 0 and (after > limit or (price is None and after >= limit)):
            return _refused(one, offer, hours, after)
    return None


def _refused(one: Spending, offer: Offer, hours: Decimal | None, after: Decimal) -> Refused:
    budget, limit = one.period.budget, one.period.limit_usd
    there = f"what is there may take {cost(one.committed_usd)} more ({per_hour(one.hourly_usd)} now)"
    figures = [_spent(one), *([there] if one.committed_usd else []), _addition(one, offer, hours, after)]
    figures.append(f"together {cost(after)}")
    larger = after.quantize(Decimal(1), ROUND_UP)
    return Refused(
        f"this run could break the {budget} budget of {cost(limit)}",
        why="; ".join(figures) + _uncounted(one),
        fix=_shorter(one, offer.price.hourly_usd) + one.period.raise_with.format(larger),
    )


def _addition(one: Spending, offer: Offer, hours: Decimal | None, after: Decimal) -> str:
    price = offer.price.hourly_usd
    if price is None:
        return f"the price of {offer.name} is unknown, and the budget is used up without it"
    bound = "one hour counted, for nothing ends it" if hours is None else _counted(one, hours)
    usd = after - one.spent.usd - one.committed_usd
    return f"this run may take {cost(usd)} ({hourly(price)} on {offer.name}, {bound})"


def _counted(one: Spending, hours: Decimal) -> str:
    most = one.most_hours(hours)
    return f"{most:.2f} h at most" if most == hours else f"{most:.0f} of its {hours:.0f} h"


def _spent(one: Spending) -> str:
    when = "today" if one.period.budget == "daily" else "this month"
    return f"{cost(one.spent.usd, 0, one.spent.estimated_usd)} spent {when} (UTC)"


def _uncounted(one: Spending) -> str:
    return f"; {count(one.unknown, 'resource')} of unknown price not counted" if one.unknown else ""


def _shorter(one: Spending, hourly: Decimal | None) -> str:
    """The limit with which the run would fit, when there is one that is of use."""
    room = one.period.limit_usd - one.spent.usd - one.committed_usd
    hours = (room / hourly).quantize(Decimal("0.01"), ROUND_DOWN) if hourly else Decimal(0)
    return f"--max-hours {hours.normalize():f}, or: " if hours >= _LEAST_HOURS else ""


def _warning(one: Spending, percent: int) -> str:
    budget = f"the {one.period.budget} budget of {cost(one.period.limit_usd)}"
    return f"{percent} % of {budget}: {_spent(one)}; {per_hour(one.hourly_usd)} now{_uncounted(one)}"
