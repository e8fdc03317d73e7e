"""What type checkers say of the plugin API. `mypy --strict` reads this file; nothing runs it.

An ignored error is a promise too: mypy fails when the error is no longer one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import assert_type

from mycloud.provider import MyCloud
from mycloud.settings import Settings
from runctl_core.api import (
    API_VERSION,
    UNKNOWN_PRICE,
    CapacityError,
    Check,
    Completed,
    Format,
    JobExecutor,
    JobStatus,
    LaunchSpec,
    LocalTransport,
    Look,
    Offer,
    Price,
    ProviderInfo,
    ProviderUnavailable,
    Resource,
    ResourceRequest,
    ResourceState,
    Scope,
    TensorTotals,
    TrainingProvider,
    Usage,
    Verdict,
    state_dir,
)


def values(offer: Offer, resource: Resource, spec: LaunchSpec, request: ResourceRequest) -> None:
    """Money is Decimal or None, never float; what may be unknown says so."""
    assert_type(API_VERSION, int)
    assert_type(UNKNOWN_PRICE, Price)
    assert_type(offer.price.hourly_usd, Decimal | None)
    assert_type(offer.available, bool | None)
    assert_type(resource.state, ResourceState)
    assert_type(resource.created_at, datetime | None)
    assert_type(resource.token, str | None)
    assert_type(spec.tags, Mapping[str, str])
    assert_type(spec.deadline, datetime | None)
    assert_type(request.max_hourly_usd, Decimal | None)
    assert_type(state_dir(), str)
    Price(2.5)  # type: ignore[arg-type]  # a float loses cents
    offer.price = UNKNOWN_PRICE  # type: ignore[misc]  # values are frozen


def formats(look: Look) -> None:
    """What a format of checkpoints is made of; what a header does not say is None."""
    assert_type(look.step, int | None)
    assert_type(look.metrics, Mapping[str, float])
    assert_type(TensorTotals.of([("float32", 4, 16)]).parameters, int | None)
    Format("gguf", lambda path: Look(bool(path)), suffixes=(".gguf",))
    Format("gguf", lambda path: True)  # type: ignore[arg-type,return-value]  # a verdict alone says too little


def calls(provider: TrainingProvider, executor: JobExecutor, resource: Resource) -> None:
    """What the calls of a provider and of an executor give."""
    assert_type(provider.offers(ResourceRequest()), Iterable[Offer])
    assert_type(provider.list_resources(), Iterable[Resource])
    assert_type(provider.executor(resource), JobExecutor)
    assert_type(executor.status("job"), JobStatus)
    assert_type(executor.logs("job", 0), bytes)
    assert_type(executor.usage("job"), Sequence[Usage])
    assert_type(LocalTransport().run(["true"]), Completed)
    executor.logs("job", 0, log="stderr")  # type: ignore[arg-type]  # there are two logs: job and setup


def errors() -> None:
    """An error has a place where place matters, and says whether trying again may help."""
    error = CapacityError("nothing free", fix="another region", scope=Scope.REGION, retry_after_s=3.0)
    assert_type(error.scope, Scope | None)
    assert_type(error.retry_after_s, float | None)
    assert_type(ProviderUnavailable.retryable, bool)


class Unfinished(TrainingProvider):
    """A provider that forgot five of six calls."""

    def offers(self, request: ResourceRequest) -> Iterable[Offer]:
        """The only one that it has."""
        return []


class Wrong(MyCloud):
    """A provider whose call gives something else."""

    def get_resource(self, resource_id: str) -> str:  # type: ignore[override]
        """Not a resource."""
        return resource_id


def plugins(settings: Settings) -> None:
    """What type checkers refuse before runctl does."""
    Unfinished()  # type: ignore[abstract]
    ProviderInfo(name="mycloud", title="My Cloud", factory=MyCloud)
    ProviderInfo(name="mycloud", title="My Cloud", factory=settings)  # type: ignore[arg-type]
    Check("key", Verdict.OK)
    Check("key", "ok")  # type: ignore[arg-type]
