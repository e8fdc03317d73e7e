"""Calls to a provider, each in a daemon thread with a time-out: a hanging one holds nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from runctl_core.errors import ProviderUnavailable, RunctlError, UnknownOutcome
from runctl_core.loading import in_words
from runctl_core.retry import RetryPolicy, retry
from runctl_core.timeouts import TooLate, within

T = TypeVar("T")

READ_TIMEOUT_S = 60.0
"""For calls that only look."""

CREATE_TIMEOUT_S = 600.0
"""For calls that make something: clouds may take minutes to answer."""

AGREE_TIMEOUT_S = 120.0
"""How long a provider may take to let go of what it accepted to end."""


def call(
    what: str,
    function: Callable[[], T],
    *,
    timeout_s: float = READ_TIMEOUT_S,
    creates: bool = False,
    tries: bool = True,
    gives: type | None = None,
) -> T:
    """Call `function` and return its result. One that creates nothing is tried again, as `retry` says.

    Args:
        what: Names the call in errors, `local: list_resources`.
        function: The call itself.
        timeout_s: Seconds to wait, all tries together.
        creates: Whether an answer that comes too late may have made something.
        tries: Whether it may be tried again; not for what somebody waits for and can do without.
        gives: What the result must be an instance of, or each member of a list.

    Raises:
        UnknownOutcome: It did not answer in time and may have made something, or it failed in a way
            that the provider does not explain.
        ProviderUnavailable: It did not answer in time, and makes nothing.
        RunctlError: What the provider raised.
    """
    end = time.monotonic() + timeout_s

    def once() -> T:
        return within(max(0.0, end - time.monotonic()), function, name=what)

    try:
        answer = once() if creates or not tries else retry(once, RetryPolicy(total_s=timeout_s))
        _require(answer, gives)
    except (RunctlError, KeyboardInterrupt):
        raise
    except TooLate as error:
        raise _late(what, timeout_s, creates) from error
    except BaseException as error:
        raise _unexplained(what, error, creates) from error
    return answer


def ask_all(names: Iterable[str], ask: Callable[[str], T]) -> tuple[dict[str, T], dict[str, RunctlError]]:
    """Ask every name at once, each in a thread of its own.

    Args:
        names: Whom to ask.
        ask: Asks one of them. It keeps to a time-out of its own, as `call` does.

    Returns:
        The answers, and the error of each that could not answer, both in the order of `names`.
    """
    asked = list(names)
    answers: dict[str, T] = {}
    problems: dict[str, RunctlError] = {}

    def one(name: str) -> None:
        try:
            answers[name] = ask(name)
        except RunctlError as error:
            problems[name] = error
        except BaseException as error:  # even then nobody is missing in silence
            problems[name] = _unexplained(name, error, creates=False)

    threads = [threading.Thread(target=one, args=(name,), daemon=True) for name in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ordered = {name: answers[name] for name in asked if name in answers}
    return ordered, {name: problems[name] for name in asked if name in problems}


def _require(answer: object, kind: type | None) -> None:
    for item in answer if isinstance(answer, list) else [answer]:
        if kind is not None and not isinstance(item, kind):
            raise TypeError(f"it gave {item!r:.100}, not one of {kind.__name__}")


def _late(what: str, timeout_s: float, creates: bool) -> RunctlError:
    kind = UnknownOutcome if creates else ProviderUnavailable
    return kind(
        f"{what} did not answer within {timeout_s:.0f} s",
        fix="runctl doctor, then try again",
    )


def _unexplained(what: str, error: BaseException, creates: bool) -> RunctlError:
    kind = UnknownOutcome if creates else ProviderUnavailable
    return kind(
        f"{what} failed in a way that the provider does not explain",
        why=in_words(error),
        fix="RUNCTL_DEBUG=1 shows where; tell the provider's author",
    )
