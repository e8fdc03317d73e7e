"""The offers of several providers at once; one that is slow or fails is named and holds nobody."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from runctl_core.calls import ask_all, call
from runctl_core.config import Config
from runctl_core.errors import RunctlError
from runctl_core.models.resources import Offer, ResourceRequest
from runctl_core.plugins import load_provider, open_provider
from runctl_core.training.choose import by_price


def gather(
    names: Sequence[str], config: Config, request: ResourceRequest, *, timeout_s: float
) -> tuple[list[Offer], dict[str, RunctlError]]:
    """Ask every provider for offers.

    Args:
        names: The providers to ask.
        config: Where their settings are.
        request: What is wanted.
        timeout_s: Seconds that each has.

    Returns:
        The offers within the price limit, cheapest first and unknown prices last; and the error of
        each provider that could not answer.
    """

    def ask(name: str) -> list[Offer]:
        def answer() -> list[Offer]:
            info = load_provider(name)
            provider = open_provider(info, config.provider_settings(name, info.settings))
            return list(provider.offers(request))

        found = call(f"{name}: offers", answer, timeout_s=timeout_s, gives=Offer)
        # Whatever it calls itself: who chooses the offer must get to this provider.
        return [evolve(offer, provider=name) for offer in found]

    answers, problems = ask_all(names, ask)
    offers = [offer for found in answers.values() for offer in found]
    limit = request.max_hourly_usd
    fitting = [
        offer
        for offer in offers
        if limit is None or (offer.price.hourly_usd is not None and offer.price.hourly_usd <= limit)
    ]
    return sorted(fitting, key=by_price), problems
