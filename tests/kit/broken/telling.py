"""Providers that break one promise of `offers`, `get_resource` or `list_resources` each."""

from __future__ import annotations

from decimal import Decimal

from attrs import evolve

from kit.small_provider import SmallProvider, runctl_provider
from runctl_core.api import Price, ProviderUnavailable, ResourceState

__all__ = ["BROKEN", "runctl_provider"]


class ZeroForUnknown(SmallProvider):
    """A price that it does not know is zero."""

    breaks = "test_prices_are_positive_or_unknown"

    def offer(self, row):
        offer = super().offer(row)
        return evolve(offer, price=Price(Decimal(0), source="?")) if offer.gpu else offer


class IgnoresTheRegion(SmallProvider):
    """Offers are of any region."""

    breaks = "test_offers_honour_the_region"

    def fits_region(self, offer, request):
        return True


class IgnoresTheHighestPrice(SmallProvider):
    """Offers cost anything."""

    breaks = "test_offers_honour_the_highest_price"

    def fits(self, offer, request):
        return super().fits(offer, evolve(request, max_hourly_usd=None))


class IgnoresTheNumberOfGpus(SmallProvider):
    """One GPU is offered to who needs two."""

    breaks = "test_offers_honour_the_number_of_gpus"

    def fits_gpu(self, offer, request):
        return super().fits_gpu(offer, evolve(request, gpu_count=0))


class OffersSpotToAll(SmallProvider):
    """Machines that may be taken away are offered to who did not ask for them."""

    breaks = "test_spot_is_offered_only_when_asked_for"

    def fits(self, offer, request):
        return super().fits(offer, evolve(request, spot=offer.spot or request.spot))


class ListsAPart(SmallProvider):
    """A list that broke in its middle is taken for the whole."""

    breaks = "test_a_list_that_breaks_in_its_middle_raises"
    also = ("test_a_list_is_whole_or_an_error",)

    def list_resources(self):
        found, page = [], 0
        try:
            while rows := self.call(self.cloud.list, page):
                found += rows
                page += 1
        except ProviderUnavailable:
            if not found:
                raise
        return [self.resource(row) for row in found]


class ListsOnePage(SmallProvider):
    """Only the first page is listed."""

    breaks = "test_list_is_whole"
    also = ("test_a_list_that_breaks_in_its_middle_raises", "test_a_list_is_whole_or_an_error")

    def list_resources(self):
        return [self.resource(row) for row in self.call(self.cloud.list, 0)]


class EmptyWhenBroken(SmallProvider):
    """A list that failed is empty."""

    breaks = "test_a_failed_list_raises"
    also = (
        "test_a_broken_cloud_is_unavailable",
        "test_a_list_that_breaks_in_its_middle_raises",
        "test_a_list_is_whole_or_an_error",
        "test_too_many_calls_are_rate_limited",
        "test_too_many_calls_without_a_time_are_rate_limited",
    )

    def list_resources(self):
        try:
            return super().list_resources()
        except ProviderUnavailable:
            return []


class HidesForeign(SmallProvider):
    """Only what runctl made is listed."""

    breaks = "test_foreign_machines_are_listed_and_not_managed"
    also = ("test_list_is_whole", "test_a_list_that_breaks_in_its_middle_raises")

    def list_resources(self):
        return [resource for resource in super().list_resources() if resource.managed]


class ManagesAll(SmallProvider):
    """Machines of others are told as runctl's own."""

    breaks = "test_foreign_machines_are_listed_and_not_managed"

    def resource(self, row):
        return evolve(super().resource(row), managed=True)


class UnknownInLists(SmallProvider):
    """A state stands in no list: it is unknown there."""

    breaks = "test_states_are_normalised"
    also = ("test_list_and_get_agree",)

    def list_resources(self):
        return [evolve(r, state=ResourceState.UNKNOWN) for r in super().list_resources()]


BROKEN = (
    ZeroForUnknown,
    IgnoresTheRegion,
    IgnoresTheHighestPrice,
    IgnoresTheNumberOfGpus,
    OffersSpotToAll,
    ListsAPart,
    ListsOnePage,
    EmptyWhenBroken,
    HidesForeign,
    ManagesAll,
    UnknownInLists,
)
