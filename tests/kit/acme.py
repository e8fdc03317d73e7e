"""A provider of the fake cloud that keeps every promise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from runctl_core.api import (
    AuthenticationError,
    CapacityError,
    InsufficientFunds,
    InvalidRequest,
    LaunchSpec,
    Offer,
    Price,
    ProviderInfo,
    ProviderUnavailable,
    QuotaError,
    RateLimited,
    Resource,
    ResourceNotFound,
    ResourceRequest,
    ResourceState,
    RunnerExecutor,
    Scope,
    Stoppable,
    TrainingProvider,
    UnknownOutcome,
    hookimpl,
)
from runctl_core.testing.fakes import CloudError, FakeCloud

_Answer = TypeVar("_Answer")

STATES = {
    "pending": ResourceState.STARTING,
    "running": ResourceState.RUNNING,
    "stopping": ResourceState.STOPPING,
    "stopped": ResourceState.STOPPED,
    "terminating": ResourceState.TERMINATING,
    "terminated": ResourceState.TERMINATED,
    "failed": ResourceState.ERROR,
}
REFUSED = {
    "unauthenticated": AuthenticationError,
    "no_capacity": CapacityError,
    "quota": QuotaError,
    "no_funds": InsufficientFunds,
    "invalid": InvalidRequest,
    "refused": InvalidRequest,
    "rate_limit": RateLimited,
    "not_found": ResourceNotFound,
}


class Acme(TrainingProvider, Stoppable):
    """Machines of the fake cloud."""

    listing_delay_s = 1.0

    def __init__(self, cloud: FakeCloud) -> None:
        self.cloud = cloud

    def offers(self, request: ResourceRequest) -> Iterable[Offer]:
        return [offer for offer in map(_offer, self.call(self.cloud.offers)) if request.takes(offer)]

    def create_resource(self, spec: LaunchSpec) -> Resource:
        def create() -> dict[str, Any]:
            return self.cloud.create(
                type=spec.offer.name,
                zone=spec.offer.zone,
                name=spec.name,
                token=spec.token,
                tags=spec.tags,
                spot=spec.offer.spot,
                image=spec.image,
            )

        return _resource(self.call(create, creates=True))

    def get_resource(self, resource_id: str) -> Resource:
        return _resource(self.call(lambda: self.cloud.get(resource_id)))

    def list_resources(self) -> Iterable[Resource]:
        return [_resource(row) for row in self.call(self.cloud.list)]

    def terminate_resource(self, resource_id: str) -> None:
        try:
            self.call(lambda: self.cloud.terminate(resource_id))
        except ResourceNotFound:
            return  # gone already

    def stop_resource(self, resource_id: str) -> None:
        self.call(lambda: self.cloud.stop(resource_id))

    def start_resource(self, resource_id: str) -> None:
        self.call(lambda: self.cloud.start(resource_id))

    def executor(self, resource: Resource) -> RunnerExecutor:
        return RunnerExecutor(self.cloud.transport(resource.id), "~/.runctl/jobs")

    def call(self, ask: Callable[[], _Answer], *, creates: bool = False) -> _Answer:
        """Ask the cloud; its errors leave as ours."""
        try:
            return ask()
        except CloudError as error:
            raise REFUSED.get(error.code, UnknownOutcome if creates else ProviderUnavailable)(
                f"acme says {error.code}",
                fix="runctl config set providers.acme.api_key < key.txt",
                scope=Scope.ZONE,
                retry_after_s=error.retry_after_s,
            ) from error
        except (OSError, ValueError) as error:
            kind = UnknownOutcome if creates else ProviderUnavailable
            raise kind("acme does not answer", why=str(error)) from error


def _price(row: dict[str, Any]) -> Price:
    return Price(None if row["price"] is None else Decimal(row["price"]), source="api")


def _offer(row: dict[str, Any]) -> Offer:
    return Offer(
        "acme",
        row["type"],
        _price(row),
        gpu=row["gpu"],
        gpu_count=row["gpu_count"],
        vcpus=row["vcpus"],
        memory_bytes=row["memory_bytes"],
        region=row["region"],
        zone=row["zone"],
        spot=row["spot"],
        available=row["available"],
    )


def _resource(row: dict[str, Any]) -> Resource:
    return Resource(
        id=row["id"],
        provider="acme",
        name=row["name"],
        state=STATES[row["state"]],
        managed="runctl:token" in row["tags"],
        tags=row["tags"],
        price=_price(row),
        created_at=datetime.fromisoformat(row["created_at"]),
        instance_type=row["type"],
        gpu=row["gpu"],
        gpu_count=row["gpu_count"],
        region=row["region"],
        zone=row["zone"],
        spot=row["spot"],
    )


@hookimpl
def runctl_provider() -> ProviderInfo:
    return ProviderInfo("acme", "Acme", Acme)
