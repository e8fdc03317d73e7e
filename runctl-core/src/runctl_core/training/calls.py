"""Calls to a provider, each in a daemon thread with a time-out: a hanging one holds nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from runctl_core.errors import ProviderUnavailable, RunctlError, UnknownOutcome

T = TypeVar("T")

READ_TIMEOUT_S = 60.0
"""For calls that only look."""

CREATE_TIMEOUT_S = 600.0
"""For calls that make something: clouds may take minutes to answer."""


def call(
    what: str,
    function: Callable[[], T],
    *,
    timeout_s: float = READ_TIMEOUT_S,
    creates: bool = False,
) -> T:
    """Call `function` and return its result.

    Args:
        what: Names the call in errors, `local: list_resources`.
        function: The call itself.
        timeout_s: Seconds to wait.
        creates: Whether an answer that comes too late may have made something.

    Raises:
        UnknownOutcome: It did not answer in time and may have made something, or it failed in a way
            that the provider does not explain.
        ProviderUnavailable: It did not answer in time, and makes nothing.
        RunctlError: What the provider raised.
    """
    box: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            box.append(function())
        except BaseException as error:  # handed over to the caller's thread below
            errors.append(error)

    thread = threading.Thread(target=body, name=what, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if errors:
        raise _ours(what, errors[0], creates) from errors[0]
    if box:
        return box[0]
    raise _late(what, timeout_s, creates)


def _late(what: str, timeout_s: float, creates: bool) -> RunctlError:
    kind = UnknownOutcome if creates else ProviderUnavailable
    return kind(
        f"{what} did not answer within {timeout_s:.0f} s",
        fix="runctl doctor, then try again",
    )


def _ours(what: str, error: BaseException, creates: bool) -> BaseException:
    if isinstance(error, RunctlError | KeyboardInterrupt):
        return error
    kind = UnknownOutcome if creates else ProviderUnavailable
    return kind(
        f"{what} failed in a way that the provider does not explain",
        why=f"{type(error).__name__}: {error}",
        fix="RUNCTL_DEBUG=1 shows where; tell the provider's author",
    )
