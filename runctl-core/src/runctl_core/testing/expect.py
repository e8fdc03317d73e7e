"""What checks wait for, and the errors that they expect."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from runctl_core.errors import ResourceNotFound, RunctlError
from runctl_core.models.resources import Resource
from runctl_core.provider import TrainingProvider
from runctl_core.testing.check import BrokenPromise, broken

_PAUSE_S = 0.05

_Answer = TypeVar("_Answer")
_Error = TypeVar("_Error", bound=RunctlError)


def until(look: Callable[[], _Answer | None], *, expected: str, timeout_s: float) -> _Answer:
    """The first answer that is true. Raises BrokenPromise with the last one when time is over."""
    __tracebackhide__ = True
    end = time.monotonic() + timeout_s
    while not (answer := look()):
        if time.monotonic() > end:
            broken(expected=f"{expected} within {timeout_s:g} s", found=f"still {answer!r} then")
        time.sleep(_PAUSE_S)
    return answer


def raised(kind: type[_Error], call: Callable[[], object], *, when: str) -> _Error:
    """The error of a kind that a call raises.

    Raises:
        BrokenPromise: It raises another one, or none.
    """
    __tracebackhide__ = True
    expected = f"{kind.__name__} {when}"
    try:
        found = f"no error: it returned {call()!r}"
    except kind as error:
        return error
    except Exception as error:
        found = f"{type(error).__module__}.{type(error).__name__}: {error}"
        raise BrokenPromise(expected=expected, found=found) from error
    raise BrokenPromise(expected=expected, found=found)


def is_gone(provider: TrainingProvider, resource_id: str) -> bool:
    """Whether the provider says that a resource is gone."""
    try:
        return provider.get_resource(resource_id).state.gone
    except ResourceNotFound:
        return True


def listed(provider: TrainingProvider, resource_id: str) -> Resource | None:
    """A resource as the provider lists it; None when it does not, or as gone."""
    found = [r for r in provider.list_resources() if r.id == resource_id and not r.state.gone]
    return found[0] if found else None


def by_token(provider: TrainingProvider, token: str) -> list[Resource]:
    """What the provider lists with a token, and not as gone."""
    return [r for r in provider.list_resources() if r.token == token and not r.state.gone]
