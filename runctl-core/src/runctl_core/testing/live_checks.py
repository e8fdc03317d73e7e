"""Checks on the real cloud: gated, within a budget, and with everything gone at the end.

They need `--runctl-live` and `--runctl-budget USD`, and the fixture `live_provider`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from runctl_core.models.money import Price
from runctl_core.models.resources import Offer, Resource
from runctl_core.provider import TrainingProvider
from runctl_core.testing.check import broken, check
from runctl_core.testing.driven import not_applicable
from runctl_core.testing.expect import by_token, is_gone, until
from runctl_core.testing.fixtures import Fixtures
from runctl_core.testing.launcher import DEADLINE, Launcher
from runctl_core.testing.sweep import leftovers, sweep

BUDGET = pytest.StashKey["Budget"]()

_HOURS = Decimal(int(DEADLINE.total_seconds())) / 3600


class Budget:
    """What live checks may spend, all of them together.

    Each launch takes the price of its whole time up to the deadline from it before it is made, and gives
    nothing back: the sum can never pass the budget, whatever happens to a machine.
    """

    def __init__(self, usd: Decimal) -> None:
        self.left_usd = usd

    def covers(self, price: Price) -> bool:
        """Take a launch's price from what is left; False, and nothing taken, when it does not cover it."""
        if price.hourly_usd is None or price.hourly_usd * _HOURS > self.left_usd:
            return False
        self.left_usd -= price.hourly_usd * _HOURS
        return True


class LiveLauncher(Launcher):
    """Launches that a budget covers; the check ends, skipped, before one that it does not cover."""

    def __init__(self, suite: Fixtures, provider: TrainingProvider, offer: Offer, budget: Budget) -> None:
        super().__init__(provider, offer, suite.ready_s)
        self._budget = budget

    def __call__(self, **changes: Any) -> Resource:
        """Make a resource when the budget covers it."""
        price = changes.get("offer", self._offer).price
        if not self._budget.covers(price):
            hourly = "an unknown price" if price.hourly_usd is None else f"${price.hourly_usd} an hour"
            pytest.skip(
                f"${self._budget.left_usd:.2f} of --runctl-budget are left,"
                f" too little for {_HOURS} hours at {hourly}"
            )
        return super().__call__(**changes)


class LiveChecks(Fixtures):
    """What holds at the real cloud."""

    @pytest.fixture
    def live_provider(self) -> TrainingProvider:
        """To be filled in for the profile `live`: the provider with a real account."""
        not_applicable("the suite has no fixture `live_provider`")

    @pytest.fixture
    def live(self, live_provider: TrainingProvider, pytestconfig: pytest.Config) -> Iterator[LiveLauncher]:
        """Launches at the real cloud, cheapest first. What an earlier run left there is ended before."""
        budget = pytestconfig.stash.get(BUDGET, None)
        if budget is None:
            pytest.skip("live checks need --runctl-live and --runctl-budget USD")
        sweep(live_provider)
        priced = [offer for offer in live_provider.offers(self.wanted) if offer.available is not False]
        priced = [offer for offer in priced if offer.price.known]
        if not priced:
            pytest.skip("nothing with a known price is offered: a budget cannot cover it")
        cheapest = min(priced, key=lambda offer: offer.price.hourly_usd or 0)
        launcher = LiveLauncher(self, live_provider, cheapest, budget)
        try:
            yield launcher
        finally:
            launcher.end()
            sweep(live_provider)

    @check("the account is accepted, and offers have prices", profile="live", tests="offers")
    def test_live_offers_have_prices(self, live_provider: TrainingProvider) -> None:
        """Asks the real cloud for offers. Nothing is bought."""
        found = list(live_provider.offers(self.wanted))
        if not any(offer.price.known for offer in found):
            broken(expected="offers with known prices", found=found)

    @check("a machine is made, listed by its token, ready, ended and gone", profile="live")
    def test_live_one_whole_life(self, live_provider: TrainingProvider, live: LiveLauncher) -> None:
        """Takes one machine through its life."""
        machine = live.ready()
        token = machine.token or ""
        found = until(
            lambda: by_token(live_provider, token),
            expected="it is listed by its token",
            timeout_s=max(60.0, live_provider.listing_delay_s),
        )
        if [resource.id for resource in found] != [machine.id]:
            broken(expected=f"{machine.id}, once", found=found)
        live_provider.terminate_resource(machine.id)
        until(
            lambda: is_gone(live_provider, machine.id),
            expected="it is gone",
            timeout_s=max(300.0, self.ready_s),
        )

    @check("a second create with the token makes no second machine", profile="live", tests="create_resource")
    def test_live_create_is_idempotent(self, live_provider: TrainingProvider, live: LiveLauncher) -> None:
        """Creates twice with one token at the real cloud; the budget covers both."""
        first = live()
        second = live(token=first.token)
        if first.id != second.id or len(leftovers(live_provider)) != 1:
            broken(expected=f"{first.id} again, and nothing beside it", found=leftovers(live_provider))
