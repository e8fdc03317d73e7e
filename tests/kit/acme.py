"""A provider for `kit.acme_cloud` that keeps every promise: broken ones are derived from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from kit.acme_cloud import KEY, OFFERS, AcmeCloud, CloudError
from kit.small_cloud import Wire
from runctl_core.api import (
    UNKNOWN_PRICE,
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
    RunctlError,
    RunnerExecutor,
    Scope,
    Stoppable,
    TrainingProvider,
    UnknownOutcome,
    hookimpl,
)
from runctl_core.sync import send

_Answer = TypeVar("_Answer")

STATES = {"up": ResourceState.RUNNING, "off": ResourceState.STOPPED, "gone": ResourceState.TERMINATED}
REFUSED = {
    "unauthenticated": AuthenticationError,
    "no_capacity": CapacityError,
    "quota": QuotaError,
    "no_funds": InsufficientFunds,
    "invalid": InvalidRequest,
    "refused": InvalidRequest,
    "rate_limit": RateLimited,
    "rate_limit_silent": RateLimited,
    "not_found": ResourceNotFound,
}


class Acme(TrainingProvider, Stoppable):
    """Machines of the cloud in memory."""

    listing_delay_s = 1.0

    def __init__(self, cloud: AcmeCloud, key: str = KEY) -> None:
        self.cloud, self._headers = cloud, _Secret(key)

    def offers(self, request: ResourceRequest) -> Iterable[Offer]:
        offered = [_offer(row) for row in self.call(self.cloud.offers)]
        return [offer for offer in offered if fits(offer, request)]

    def create_resource(self, spec: LaunchSpec) -> Resource:
        offer = spec.offer
        return self.resource(
            self.call(
                lambda: self.cloud.create(
                    spec.token,
                    type=offer.name,
                    region=offer.region,
                    zone=offer.zone,
                    spot=offer.spot,
                    name=spec.name,
                    tags=dict(spec.tags),
                    image=spec.image,
                ),
                creates=True,
            )
        )

    def get_resource(self, resource_id: str) -> Resource:
        return self.resource(self.call(lambda: self.cloud.get(resource_id)))

    def list_resources(self) -> Iterable[Resource]:
        found: list[Resource] = []
        page: int | None = 0
        while page is not None:
            rows, page = self.call(lambda number=page: self.cloud.list(number))
            found += [self.resource(row) for row in rows]
        return found

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
        return AcmeExecutor(self.cloud, resource.id)

    def call(self, ask: Callable[[], _Answer], *, creates: bool = False) -> _Answer:
        """Ask the cloud; its errors leave as ours."""
        try:
            return ask()
        except CloudError as error:
            raise classified(error, creates=creates) from error

    def resource(self, row: dict[str, Any]) -> Resource:
        """A machine in runctl's words."""
        offer = next(found for found in OFFERS if found["type"] == row["type"])
        return Resource(
            id=row["id"],
            provider="acme",
            name=row["name"],
            state=STATES[row["state"]],
            managed="runctl:token" in row["tags"],
            tags=row["tags"],
            price=_price(offer["usd"]),
            created_at=datetime.fromisoformat(row["created"]),
            instance_type=row["type"],
            gpu=offer["gpu"],
            gpu_count=offer["gpus"],
            region=row["region"],
            zone=row["zone"],
            spot=row["spot"],
        )


class AcmeExecutor(RunnerExecutor):
    """Jobs of one machine."""

    def __init__(self, cloud: AcmeCloud, machine_id: str) -> None:
        self._wire = Wire(cloud, machine_id)
        super().__init__(self._wire, str(cloud.home(machine_id) / "jobs"))
        self._code = str(cloud.home(machine_id) / "code")

    def sync(self, code, **options):
        return send(self._wire, code, self._code).tree


class _Secret:
    """A key that is not written out."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "***"


def classified(error: CloudError, *, creates: bool) -> RunctlError:
    """The cloud's error as one of runctl's."""
    if error.code in REFUSED:
        return REFUSED[error.code](
            f"acme says {error.code}",
            fix="runctl config set providers.acme.api_key < key.txt",
            scope=Scope.ZONE,
            retry_after_s=error.retry_after_s,
        )
    kind = UnknownOutcome if creates else ProviderUnavailable
    return kind("acme does not answer", why=error.code)


def fits(offer: Offer, request: ResourceRequest) -> bool:
    """Whether an offer is what is wanted."""
    limit, hourly = request.max_hourly_usd, offer.price.hourly_usd
    return (
        (request.gpu is None or (offer.gpu or "").lower() == request.gpu.lower())
        and (request.gpu is None or offer.gpu_count >= max(1, request.gpu_count))
        and request.instance_type in (None, offer.name)
        and offer.vcpus >= request.vcpus
        and offer.memory_bytes >= request.memory_bytes
        and offer.spot == request.spot
        and request.region in (None, offer.region)
        and (limit is None or (hourly is not None and hourly <= limit))
    )


def _offer(row: dict[str, Any]) -> Offer:
    return Offer(
        "acme",
        row["type"],
        _price(row["usd"]),
        gpu=row["gpu"],
        gpu_count=row["gpus"],
        vcpus=row["vcpus"],
        memory_bytes=row["memory_gib"] << 30,
        region=row["region"],
        zone=row["zone"],
        spot=row["spot"],
        available=True,
    )


def _price(usd: str | None) -> Price:
    return UNKNOWN_PRICE if usd is None else Price(Decimal(usd), source="api")


@hookimpl
def runctl_provider() -> ProviderInfo:
    return ProviderInfo("acme", "Acme", Acme)
