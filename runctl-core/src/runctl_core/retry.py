"""Trying again: the one policy for calls to a provider that only look, or that may be repeated.

What a provider calls temporary is tried again, after waits that grow and are drawn at random, so that
many commands do not come back at once. A call that creates something never comes here.

This module alone touches `backoff`, and only what its fork of the same import name has too. It is
imported when the first wait is needed: it imports asyncio.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from attrs import frozen

from runctl_core.errors import CapacityError, RunctlError

T = TypeVar("T")


@frozen
class RetryPolicy:
    """How often, and for how long.

    Attributes:
        tries: Calls in all.
        total_s: Seconds from the first call within which the last one begins.
        first_s: The longest first wait; each later one may be twice as long as the one before.
        longest_s: The longest of all waits, unless the provider asks for more.
    """

    tries: int = 5
    total_s: float = 60.0
    first_s: float = 0.5
    longest_s: float = 10.0


def retry(
    function: Callable[[], T],
    policy: RetryPolicy,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Call `function` until it answers, and return its answer.

    A wait is never shorter than the provider's `retry_after_s`; one that would pass the policy's end
    is not begun.

    Raises:
        Exception: What the last call raised.
    """
    end = clock() + policy.total_s
    waits: Iterator[float] | None = None
    for tries_left in reversed(range(policy.tries)):
        try:
            return function()
        except RunctlError as error:
            if not _temporary(error) or not tries_left:
                raise
            waits = waits or _waits(policy)
            pause = max(next(waits), error.retry_after_s or 0.0)
            if clock() + pause >= end:
                raise
        sleep(pause)
    raise AssertionError("a policy allows one try at least")


def _temporary(error: RunctlError) -> bool:
    """Whether the same call may be answered later. For a lack of capacity the next offer is tried."""
    return error.retryable and not isinstance(error, CapacityError)


def _waits(policy: RetryPolicy) -> Iterator[float]:
    import backoff

    longest = backoff.expo(factor=policy.first_s, max_value=policy.longest_s)
    next(longest)  # it is a coroutine's generator: the first value is none of its waits
    return (backoff.full_jitter(wait) for wait in longest)
