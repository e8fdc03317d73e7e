"""A provider that keeps every promise, on the small cloud: what the broken ones are made of."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from attrs import frozen

from runctl_core.api import (
    AuthenticationError,
    CapacityError,
    InsufficientFunds,
    InvalidRequest,
    Offer,
    Price,
    ProviderInfo,
    ProviderUnavailable,
    QuotaError,
    RateLimited,
    Resource,
    ResourceNotFound,
    ResourceState,
    RunctlError,
    RunnerExecutor,
    Scope,
    Stoppable,
    TrainingProvider,
    UnknownOutcome,
    hookimpl,
    setting,
)
from runctl_core.sync import send

STATES = {"up": ResourceState.RUNNING, "halted": ResourceState.STOPPED, "gone": ResourceState.TERMINATED}
GIB = 1 << 30

T = TypeVar("T")


@frozen
class Settings:
    """The provider's settings."""

    api_key: str = setting(default="", help="the key", secret=True)


class SmallExecutor(RunnerExecutor):
    """Jobs of one machine."""

    def __init__(self, cloud: Any, machine_id: str) -> None:
        self.wire, self.home = cloud.wire(machine_id), str(cloud.home(machine_id))
        super().__init__(self.wire, f"{self.home}/jobs")

    def sync(self, code, **options):
        return send(self.wire, code, f"{self.home}/code").tree


class SmallProvider(TrainingProvider, Stoppable):
    """The small cloud. Each call of its client is one method's, so that a broken one is a few lines."""

    listing_delay_s = 0.4

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud

    def offers(self, request):
        return [offer for offer in map(self.offer, self.call(self.cloud.offers)) if self.fits(offer, request)]

    def offer(self, row: dict[str, Any]) -> Offer:
        return Offer(
            "small",
            row["type"],
            self.price(row["type"], row["spot"]),
            gpu=row["gpu"],
            gpu_count=row["gpus"],
            vcpus=row["vcpus"],
            memory_bytes=row["gib"] * GIB,
            region=row["region"],
            spot=row["spot"],
            available=True,
        )

    def price(self, type: str, spot: bool) -> Price:
        from kit.small_cloud import TYPES

        usd = Decimal(TYPES[type][0])
        return Price(usd / 2 if spot else usd, source="the small cloud's list")

    def fits(self, offer: Offer, request: Any) -> bool:
        usd = offer.price.hourly_usd
        return (
            offer.spot == request.spot
            and self.fits_region(offer, request)
            and self.fits_gpu(offer, request)
            and request.instance_type in (None, offer.name)
            and offer.vcpus >= request.vcpus
            and offer.memory_bytes >= request.memory_bytes
            and (request.max_hourly_usd is None or (usd is not None and usd <= request.max_hourly_usd))
        )

    def fits_region(self, offer: Offer, request: Any) -> bool:
        return request.region in (None, offer.region)

    def fits_gpu(self, offer: Offer, request: Any) -> bool:
        named = request.gpu is None or (offer.gpu or "").lower() == request.gpu.lower()
        return named and offer.gpu_count >= request.gpu_count

    def create_resource(self, spec):
        return self.resource(self.call(self.create, spec, creates=True))

    def create(self, spec: Any) -> Any:
        offer = spec.offer
        return self.cloud.create(spec.token, spec.name, offer.name, offer.region, offer.spot, dict(spec.tags))

    def get_resource(self, resource_id):
        return self.resource(self.call(self.cloud.get, resource_id))

    def list_resources(self):
        found, page = [], 0
        while rows := self.call(self.cloud.list, page):
            found += rows
            page += 1
        return [self.resource(row) for row in found]

    def terminate_resource(self, resource_id):
        try:
            self.call(self.cloud.terminate, resource_id)
        except ResourceNotFound:
            return

    def stop_resource(self, resource_id):
        self.call(self.cloud.stop, resource_id)

    def start_resource(self, resource_id):
        self.call(self.cloud.start, resource_id)

    def executor(self, resource):
        return SmallExecutor(self.cloud, resource.id)

    def resource(self, row: Any) -> Resource:
        return Resource(
            row.id,
            "small",
            row.name,
            self.state(row.state),
            managed="runctl:run" in row.tags,
            tags=row.tags,
            price=self.price(row.type, row.spot),
            created_at=row.created_at,
            instance_type=row.type,
            region=row.region,
            spot=row.spot,
        )

    def state(self, word: str) -> ResourceState:
        return STATES[word]

    def call(self, function: Callable[..., T], *arguments: Any, creates: bool = False) -> T:
        from kit.small_cloud import CloudError

        try:
            return function(*arguments)
        except CloudError as error:
            raise self.ours(error, creates) from error

    def ours(self, error: Any, creates: bool) -> RunctlError:
        code, said = error.code, str(error)
        if code == "unauthenticated":
            return AuthenticationError(said, fix="runctl config set providers.small.api_key < key.txt")
        if code in ("rate_limit", "rate_limit_silent"):
            return RateLimited(said, retry_after_s=error.retry_after_s)
        kinds = {
            "not_found": ResourceNotFound,
            "quota": QuotaError,
            "no_funds": InsufficientFunds,
            "invalid": InvalidRequest,
            "refused": InvalidRequest,
        }
        if code == "no_capacity":
            return CapacityError(said, scope=self.scope())
        if code in kinds:
            return kinds[code](said)
        return UnknownOutcome(said) if creates else ProviderUnavailable(said)

    def scope(self) -> Scope | None:
        return Scope.REGION


@hookimpl
def runctl_provider():
    return ProviderInfo("small", "The small cloud", SmallProvider, Settings)
