"""The checks of a provider hold on the fake cloud that authors are given, as on any other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest

from kit import acme
from runctl_core.api import (
    LaunchSpec,
    Offer,
    Price,
    ProviderUnavailable,
    Resource,
    ResourceRequest,
    ResourceState,
    UnknownOutcome,
)
from runctl_core.testing import Fault
from runctl_core.testing.capability_checks import CapabilityChecks
from runctl_core.testing.chaos_checks import ChaosChecks
from runctl_core.testing.create_checks import CreateChecks
from runctl_core.testing.errors_checks import ErrorsChecks
from runctl_core.testing.fakes import CloudError, FakeCloud
from runctl_core.testing.listing_checks import ListingChecks
from runctl_core.testing.offers_checks import OffersChecks
from runctl_core.testing.terminate_checks import TerminateChecks
from runctl_core.testing.threads_checks import ThreadsChecks

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


class OnFake(acme.Acme):
    """The same provider on the fake cloud."""

    cloud: Any

    def offers(self, request: ResourceRequest) -> Iterable[Offer]:
        return [offer for offer in map(_offer, self.call(self.cloud.offers)) if acme.fits(offer, request)]

    def create_resource(self, spec: LaunchSpec) -> Resource:
        def create() -> dict[str, Any]:
            row: dict[str, Any] = self.cloud.create(
                type=spec.offer.name,
                zone=spec.offer.zone,
                name=spec.name,
                token=spec.token,
                tags=spec.tags,
                spot=spec.offer.spot,
                image=spec.image,
            )
            return row

        return self.resource(self.call(create, creates=True))

    def list_resources(self) -> Iterable[Resource]:
        return [self.resource(row) for row in self.call(self.cloud.list)]

    def call(self, ask: Callable[[], _Answer], *, creates: bool = False) -> _Answer:
        try:
            return ask()
        except CloudError as error:
            code = error.code
            if code == "rate_limit" and error.retry_after_s is None:
                code = Fault.RATE_LIMIT_SILENT
            translated = acme.CloudError(code, error.retry_after_s)
            raise acme.classified(translated, creates=creates) from error
        except (OSError, ValueError) as error:
            kind = UnknownOutcome if creates else ProviderUnavailable
            raise kind("the cloud does not answer", why=str(error)) from error

    def resource(self, row: dict[str, Any]) -> Resource:
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


class TestOnFake(
    OffersChecks,
    CreateChecks,
    ListingChecks,
    TerminateChecks,
    ErrorsChecks,
    CapabilityChecks,
    ThreadsChecks,
    ChaosChecks,
):
    """What there is about the provider itself; its executor has tests of its own."""

    plugin_module = "kit.acme"

    @pytest.fixture
    def cloud(self, tmp_path: Path, seed: int) -> Iterator[FakeCloud]:
        with FakeCloud(tmp_path / "cloud", seed=seed) as cloud:
            yield cloud

    def make_provider(self, cloud: FakeCloud) -> OnFake:
        return OnFake(cloud)  # type: ignore[arg-type]
