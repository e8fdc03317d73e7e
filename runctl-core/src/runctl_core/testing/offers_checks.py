"""Checks of `offers`: every filter is honoured, prices are true or unknown, and nothing is made."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from attrs import evolve

from runctl_core.models.resources import Offer, ResourceRequest
from runctl_core.provider import ProviderInfo, TrainingProvider
from runctl_core.testing.check import broken, check
from runctl_core.testing.driven import Driven, not_applicable
from runctl_core.testing.fixtures import Fixtures


def _breaking(
    provider: TrainingProvider, request: ResourceRequest, fits: Callable[[Offer], bool], *, expected: str
) -> list[Offer]:
    """What is offered for a request. Raises BrokenPromise for an offer that does not fit it."""
    __tracebackhide__ = True
    found = list(provider.offers(request))
    for offer in found:
        if not fits(offer):
            broken(expected=expected, found=offer)
    return found


class OffersChecks(Fixtures):
    """What a provider offers."""

    @check("an empty request is offered everything, something free included", tests="offers")
    def test_an_empty_request_is_offered_something(self, provider: TrainingProvider) -> None:
        """Asks for anything at all, and finds an offer that is not taken."""
        found = list(provider.offers(ResourceRequest()))
        if not any(offer.available is not False for offer in found):
            broken(expected="at least one free offer", found=found)

    @check("an offer names its provider", tests="offers")
    def test_offers_name_their_provider(self, provider: TrainingProvider, info: ProviderInfo) -> None:
        """Compares each offer's `provider` with the plugin's name."""
        expected = f"provider {info.name!r}, by which the offer is launched"
        _breaking(provider, self.wanted, lambda offer: offer.provider == info.name, expected=expected)

    @check("a price is known or unknown, and never zero for unknown", tests="offers")
    def test_prices_are_positive_or_unknown(self, provider: TrainingProvider) -> None:
        """Looks for a price of zero, unless the suite says that this cloud `costs_nothing`."""
        expected = "a price above zero, or Price(None) where nobody knows it"
        _breaking(
            provider,
            self.wanted,
            lambda offer: self.costs_nothing or offer.price.hourly_usd != 0,
            expected=expected,
        )

    @check("a known price says where it is from", profile="recommended", tests="offers")
    def test_a_price_says_its_source(self, provider: TrainingProvider) -> None:
        """Looks at `source` of every known price."""
        expected = "a known price with a source, such as `api`"
        _breaking(
            provider,
            self.wanted,
            lambda offer: not offer.price.known or bool(offer.price.source),
            expected=expected,
        )

    @check("only machines with the wanted GPU are offered, whatever its case", tests="offers")
    def test_offers_honour_the_gpu(self, provider: TrainingProvider) -> None:
        """Asks for the GPU of each offer in capitals and in small letters, and for one that nobody has."""
        for gpu in sorted({offer.gpu for offer in provider.offers(ResourceRequest()) if offer.gpu}):
            for written in (gpu.upper(), gpu.lower()):
                found = _breaking(
                    provider,
                    ResourceRequest(gpu=written, gpu_count=1),
                    lambda offer, gpu=gpu: (offer.gpu or "").lower() == gpu.lower(),  # type: ignore[misc]
                    expected=f"for the GPU {written!r} only machines with {gpu}",
                )
                if not found:
                    broken(expected=f"machines with {gpu} when {written!r} is asked for", found="none")
        _nothing(provider, ResourceRequest(gpu="no-such-gpu", gpu_count=1))

    @check("at least as many GPUs as wanted are offered", tests="offers")
    def test_offers_honour_the_number_of_gpus(self, provider: TrainingProvider) -> None:
        """Asks for each number of each GPU that is offered, and for one more than the most."""
        everything = [offer for offer in provider.offers(ResourceRequest()) if offer.gpu]
        if not everything:
            not_applicable("no offer has a GPU")
        for offer in everything:
            count = offer.gpu_count
            request = ResourceRequest(gpu=offer.gpu, gpu_count=count)
            _breaking(
                provider,
                request,
                lambda other, count=count: other.gpu_count >= count,  # type: ignore[misc]
                expected=f"{count} GPUs or more",
            )
        most = max(everything, key=lambda offer: offer.gpu_count)
        same = max(offer.gpu_count for offer in everything if offer.gpu == most.gpu)
        _nothing(provider, ResourceRequest(gpu=most.gpu, gpu_count=same + 1))

    @check("an offer's name asked for as instance type is offered, and nothing else", tests="offers")
    def test_offers_honour_the_instance_type(self, provider: TrainingProvider, offer: Offer) -> None:
        """Asks for the type of one offer, and for one that nobody has."""
        request = evolve(self.wanted, instance_type=offer.name)
        found = _breaking(
            provider,
            request,
            lambda other: other.name == offer.name,
            expected=f"only the instance type {offer.name}",
        )
        if not found:
            broken(expected=f"an offer for the instance type {offer.name}, which was offered", found="none")
        _nothing(provider, ResourceRequest(instance_type="no-such-type"))

    @check("at least as many processors as wanted are offered", tests="offers")
    def test_offers_honour_the_processors(self, provider: TrainingProvider) -> None:
        """Asks for as many as the largest machine has, and for more than any has."""
        most = max(offer.vcpus for offer in provider.offers(ResourceRequest()))
        expected = f"{most} vcpus or more; one whose number is unknown does not fit"
        _breaking(provider, ResourceRequest(vcpus=most), lambda offer: offer.vcpus >= most, expected=expected)
        _nothing(provider, ResourceRequest(vcpus=1_000_000))

    @check("at least as much memory as wanted is offered", tests="offers")
    def test_offers_honour_the_memory(self, provider: TrainingProvider) -> None:
        """Asks for as much as the largest machine has, and for more than any has."""
        most = max(offer.memory_bytes for offer in provider.offers(ResourceRequest()))
        expected = f"{most} bytes of memory or more; one whose size is unknown does not fit"
        _breaking(
            provider,
            ResourceRequest(memory_bytes=most),
            lambda offer: offer.memory_bytes >= most,
            expected=expected,
        )
        _nothing(provider, ResourceRequest(memory_bytes=1 << 60))

    @check("nothing dearer than the highest price is offered, nor what has no known price", tests="offers")
    def test_offers_honour_the_highest_price(self, provider: TrainingProvider) -> None:
        """Asks for each known price as the highest one."""
        known = [offer.price.hourly_usd for offer in provider.offers(ResourceRequest())]
        for limit in sorted({price for price in known if price is not None} | {Decimal("0.000001")}):
            _breaking(
                provider,
                ResourceRequest(max_hourly_usd=limit),
                lambda offer, limit=limit: (  # type: ignore[misc]
                    offer.price.hourly_usd is not None and offer.price.hourly_usd <= limit
                ),
                expected=f"${limit} an hour or less",
            )

    @check("a machine that may be taken away is offered only to who asks for one", tests="offers")
    def test_spot_is_offered_only_when_asked_for(self, provider: TrainingProvider) -> None:
        """Asks without `spot`, and looks for an offer that may be taken away."""
        expected = "no spot offer: it was not asked for"
        _breaking(provider, ResourceRequest(), lambda offer: not offer.spot, expected=expected)

    @check("asking for offers makes nothing", tests="offers")
    def test_offers_make_nothing(self, provider: TrainingProvider, fake: Driven) -> None:
        """Asks several times, and counts the cloud's machines before and after."""
        before = len(fake.machines())
        for request in (ResourceRequest(), self.wanted, ResourceRequest(spot=True)):
            list(provider.offers(request))
        if len(fake.machines()) != before:
            broken(expected=f"{before} machines, as before", found=fake.machines())


def _nothing(provider: TrainingProvider, request: ResourceRequest) -> None:
    __tracebackhide__ = True
    expected = f"nothing for {request}, which nobody has"
    _breaking(provider, request, lambda _: False, expected=expected)
