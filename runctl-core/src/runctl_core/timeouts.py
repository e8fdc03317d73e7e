"""Calls with a time-out: what hangs is left behind in a daemon thread, and holds nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class TooLate(Exception):
    """The function did not return in time. It may still be running."""


def within(timeout_s: float, function: Callable[[], T], *, name: str) -> T:
    """Call `function` in a thread of its own, and return what it returns.

    Args:
        timeout_s: Seconds to wait.
        function: The call.
        name: The thread's name, for debuggers.

    Raises:
        TooLate: It did not return in time.
        BaseException: Whatever it raised.
    """
    import threading

    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(function())
        except BaseException as error:  # handed over to the caller's thread below
            errors.append(error)

    thread = threading.Thread(target=body, name=name, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if errors:
        raise errors[0]
    if results:
        return results[0]
    raise TooLate(f"{name} did not end within {timeout_s:.0f} s")
