"""Which offer is tried next: pure functions over what the providers offered."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from runctl_core.errors import CapacityError, PriceLimitError, RunctlError, Scope
from runctl_core.models.resources import Offer, ResourceRequest


def rank(offers: Iterable[Offer]) -> list[Offer]:
    """Cheapest first; unknown prices after every known one; what is taken is left out."""
    free = (offer for offer in offers if offer.available is not False)
    return sorted(free, key=by_price)


def by_price(offer: Offer) -> tuple[bool, Decimal, int, str]:
    """The key that sorts offers: cheapest first, unknown prices after every known one."""
    hourly = offer.price.hourly_usd
    return (hourly is None, hourly or Decimal(0), offer.gpu_count, offer.name)


def within(offers: list[Offer], max_hourly: Decimal | None) -> list[Offer]:
    """The offers at or under the price limit. Raises PriceLimitError when none is."""
    if max_hourly is None:
        return offers
    allowed = [o for o in offers if o.price.hourly_usd is not None and o.price.hourly_usd <= max_hourly]
    if offers and not allowed:
        cheapest = offers[0].price.hourly_usd
        raise PriceLimitError(
            f"nothing that fits costs ${max_hourly} per hour or less",
            why=f"the cheapest, {offers[0].name}, costs "
            + ("an unknown price" if cheapest is None else f"${cheapest} per hour"),
            fix="a higher --max-price, or a smaller --gpu",
        )
    return allowed


def reached(offer: Offer, failed: Offer, scope: Scope | None) -> bool:
    """Whether a failure of `failed` with `scope` says something about `offer` too."""
    if scope is Scope.ACCOUNT:
        return True
    if scope is Scope.REGION:
        return offer.region == failed.region
    if scope is Scope.ZONE:
        return (offer.region, offer.zone) == (failed.region, failed.zone)
    return offer == failed


def nothing_fits(
    request: ResourceRequest, offers: list[Offer], tried: list[tuple[Offer, RunctlError]]
) -> CapacityError:
    """The error for a launch that found no place, with everything that was tried."""
    wanted = f"{request.gpu_count} x {request.gpu}" if request.gpu else request.instance_type
    reasons = [f"{offer.name}: {error.message}" for offer, error in tried]
    reasons += [
        f"{o.name} is taken{f' ({o.note})' if o.note else ''}" for o in offers if o.available is False
    ]
    return CapacityError(
        f"nothing free that fits{f' {wanted}' if wanted else ''}",
        why="; ".join(reasons) or "the provider offers nothing like it",
        fix="runctl offers",
    )
