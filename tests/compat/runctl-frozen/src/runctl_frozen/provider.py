"""The provider: the whole contract of plugin API 1, on a fake cloud's client."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from runctl_core.api import (
    UNKNOWN_PRICE,
    AuthenticationError,
    CapacityError,
    InsufficientFunds,
    InvalidRequest,
    JobExecutor,
    LaunchSpec,
    Offer,
    Price,
    ProviderUnavailable,
    QuotaError,
    RateLimited,
    Resource,
    ResourceNotFound,
    ResourceRequest,
    ResourceState,
    RunctlError,
    RunnerExecutor,
    Scope,
    Stoppable,
    TrainingProvider,
    UnknownOutcome,
)
from runctl_core.testing.fakes import CloudError, FakeCloud

Answer = TypeVar("Answer")

STATES = {"pending": ResourceState.STARTING}
KINDS: dict[str, type[RunctlError]] = {
    "unauthenticated": AuthenticationError,
    "no_capacity": CapacityError,
    "quota": QuotaError,
    "no_funds": InsufficientFunds,
    "invalid": InvalidRequest,
    "refused": InvalidRequest,
    "bad_state": InvalidRequest,
    "rate_limit": RateLimited,
    "not_found": ResourceNotFound,
}


class Frozen(TrainingProvider, Stoppable):
    """Machines of a fake cloud."""

    listing_delay_s = 1.0

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud

    def offers(self, request: ResourceRequest) -> Iterable[Offer]:
        """What fits."""
        every = [_offer(row) for row in _ask(self._cloud.offers)]
        return [offer for offer in every if _fits(offer, request)]

    def create_resource(self, spec: LaunchSpec) -> Resource:
        """Make a machine; the cloud knows the token."""
        offer = spec.offer
        row = _ask(
            lambda: self._cloud.create(
                type=offer.name,
                zone=offer.zone,
                name=spec.name,
                token=spec.token,
                tags=spec.tags,
                spot=offer.spot,
                image=spec.image,
                delete_at=spec.deadline,
            ),
            creates=True,
        )
        return _resource(row)

    def get_resource(self, resource_id: str) -> Resource:
        """One machine."""
        return _resource(_ask(lambda: self._cloud.get(resource_id)))

    def list_resources(self) -> Iterable[Resource]:
        """Every machine."""
        return [_resource(row) for row in _ask(self._cloud.list)]

    def terminate_resource(self, resource_id: str) -> None:
        """End a machine."""
        try:
            _ask(lambda: self._cloud.terminate(resource_id))
        except ResourceNotFound:
            return

    def stop_resource(self, resource_id: str) -> None:
        """Stop a machine."""
        _ask(lambda: self._cloud.stop(resource_id))

    def start_resource(self, resource_id: str) -> None:
        """Start it again."""
        _ask(lambda: self._cloud.start(resource_id))

    def executor(self, resource: Resource) -> JobExecutor:
        """Jobs run through the cloud's own transport."""
        return RunnerExecutor(self._cloud.transport(resource.id), "~/jobs")


def _ask(call: Callable[[], Answer], *, creates: bool = False) -> Answer:
    try:
        return call()
    except CloudError as error:
        if kind := KINDS.get(error.code):
            raise kind(
                str(error), fix="see its console", scope=Scope.ZONE, retry_after_s=error.retry_after_s
            ) from error
        raise (UnknownOutcome if creates else ProviderUnavailable)(str(error)) from error
    except (OSError, ValueError) as error:
        raise (UnknownOutcome if creates else ProviderUnavailable)("it does not answer") from error


def _price(text: str | None) -> Price:
    return UNKNOWN_PRICE if text is None else Price(Decimal(text), source="api")


def _offer(row: dict[str, Any]) -> Offer:
    return Offer(
        "frozen",
        row["type"],
        _price(row["price"]),
        gpu=row["gpu"],
        gpu_count=row["gpu_count"],
        vcpus=row["vcpus"],
        memory_bytes=row["memory_bytes"],
        region=row["region"],
        zone=row["zone"],
        spot=row["spot"],
        available=row["available"],
    )


def _fits(offer: Offer, request: ResourceRequest) -> bool:
    usd, limit = offer.price.hourly_usd, request.max_hourly_usd
    return (
        offer.spot == request.spot
        and request.region in (None, offer.region)
        and request.instance_type in (None, offer.name)
        and (request.gpu is None or (offer.gpu or "").lower() == request.gpu.lower())
        and offer.gpu_count >= request.gpu_count
        and offer.vcpus >= request.vcpus
        and offer.memory_bytes >= request.memory_bytes
        and (limit is None or (usd is not None and usd <= limit))
    )


def _resource(row: dict[str, Any]) -> Resource:
    return Resource(
        id=row["id"],
        provider="frozen",
        name=row["name"],
        state=STATES.get(row["state"]) or ResourceState(row["state"]),
        managed="runctl:token" in row["tags"],
        tags=row["tags"],
        price=_price(row["price"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        instance_type=row["type"],
        region=row["region"],
        zone=row["zone"],
        spot=row["spot"],
    )
