"""What a provider shows is held against the contract before anything is done: a plugin may be wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve

from runctl_core.calls import READ_TIMEOUT_S, call
from runctl_core.executor import JobExecutor
from runctl_core.models.jobs import JobStatus, Usage
from runctl_core.models.money import Price
from runctl_core.models.resources import Resource, ResourceState
from runctl_core.provider import TrainingProvider

if TYPE_CHECKING:
    from runctl_core.models.processes import Process

T = TypeVar("T")

DIAGNOSIS_TIMEOUT_S = 10.0
"""How long a machine may take to tell what its job uses: nothing that matters waits for it any longer."""

STATUS_TIMEOUT_S = 20.0
"""How long a machine may take to tell how a job is."""

_TEXTS = ("id", "provider", "name", "kind", "instance_type", "region", "zone", "note")
_NUMBERS = ("gpu_count", "vcpus", "memory_bytes", "size_bytes")
_FLAGS = ("managed", "spot")
_MOST = 2**63
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def sound(resource: Any, provider: str) -> Resource:
    """The resource under the name of the provider that was asked, whatever it calls itself.

    Raises:
        TypeError: A field is not what the contract says, so that the books could not keep it.
    """
    if not isinstance(resource, Resource):
        raise TypeError(f"it gave {resource!r:.100}, not a Resource")
    wrong = [name for name, right in _fields(resource).items() if not right]
    if wrong:
        value = getattr(resource, wrong[0])
        raise TypeError(f"it gave {resource.id!r:.60} whose {wrong[0]} is {value!r:.60}")
    return resource if resource.provider == provider else evolve(resource, provider=provider)


def look_at(
    provider: TrainingProvider, name: str, resource_id: str, *, timeout_s: float = READ_TIMEOUT_S
) -> Resource:
    """The resource as its provider shows it now.

    Raises:
        ResourceNotFound: The provider does not have it.
        ProviderUnavailable: It does not answer, or shows something else: that says nothing of this one.
        RunctlError: The provider's.
    """

    def get() -> Resource:
        shown = sound(provider.get_resource(resource_id), name)
        if shown.id != resource_id:
            raise TypeError(f"asked for {resource_id!r:.60}, it gave {shown.id!r:.60}")
        return shown

    return call(f"{name}: get", get, timeout_s=timeout_s)


def status_of(executor: JobExecutor, handle: str, *, timeout_s: float = STATUS_TIMEOUT_S) -> JobStatus:
    """How a job is now, within seconds also where the way to its machine hangs.

    Raises:
        ProviderUnavailable: The machine does not answer. That says nothing of the job.
        RunctlError: What the executor raised.
    """
    if executor.shares_files:
        return executor.status(handle)
    what = f"the machine of {handle}"
    return call(what, lambda: executor.status(handle), timeout_s=timeout_s, tries=False, gives=JobStatus)


def usage_of(executor: JobExecutor, handle: str) -> list[Usage]:
    """What the runner of a job measured lately. Raises RunctlError, within seconds whatever it does."""
    return _told(f"{handle}: usage", lambda: list(executor.usage(handle)), Usage)


def processes_of(executor: JobExecutor, handle: str) -> list[Process]:
    """The processes of a job now. Raises RunctlError, within seconds whatever its executor does."""
    from runctl_core.models.processes import Process

    return _told(f"{handle}: processes", lambda: list(executor.processes(handle)), Process)


def _told(what: str, ask: Callable[[], list[T]], kind: type[T]) -> list[T]:
    return call(what, ask, timeout_s=DIAGNOSIS_TIMEOUT_S, tries=False, gives=kind)


def _fields(resource: Resource) -> dict[str, bool]:
    """Each field, and whether it is what it should be."""
    checks = {name: _is_text(getattr(resource, name)) for name in _TEXTS}
    checks |= {name: _is_number(getattr(resource, name)) for name in _NUMBERS}
    checks |= {name: isinstance(getattr(resource, name), bool) for name in _FLAGS}
    checks["id"] = checks["id"] and bool(resource.id)
    checks["state"] = isinstance(resource.state, ResourceState)
    checks["tags"] = _are_texts(resource.tags)
    checks["price"] = _is_price(resource.price)
    checks["created_at"] = _is_moment(resource.created_at)
    checks["gpu"] = resource.gpu is None or _is_text(resource.gpu)
    checks["attached_to"] = resource.attached_to is None or _is_text(resource.attached_to)
    return checks


def _is_text(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _are_texts(tags: Mapping[Any, Any]) -> bool:
    return all(_is_text(key) and _is_text(value) for key, value in tags.items())


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < _MOST


def _is_moment(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, datetime) and value.tzinfo is not None and _EARLIEST <= value < _LATEST


def _is_price(value: Any) -> bool:
    return (
        isinstance(value, Price)
        and isinstance(value.estimated, bool)
        and _is_text(value.source)
        and _is_moment(value.as_of)
    )
