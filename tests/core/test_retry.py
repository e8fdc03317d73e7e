"""One policy for trying again: what is temporary, how long the waits are, and where it ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_core.calls import call
from runctl_core.errors import (
    AuthenticationError,
    CapacityError,
    InvalidRequest,
    ProviderUnavailable,
    QuotaError,
    RateLimited,
    RunctlError,
    UnknownOutcome,
)
from runctl_core.retry import RetryPolicy, retry


class World:
    """A clock that only sleeping moves, and a call that fails before it answers."""

    def __init__(self, *failures: BaseException, takes_s: float = 0.0) -> None:
        self.failures = list(failures)
        self.takes_s = takes_s
        self.now = 100.0
        self.waits: list[float] = []
        self.calls = 0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def answer(self) -> str:
        self.calls += 1
        self.now += self.takes_s
        if self.failures:
            raise self.failures.pop(0)
        return "answer"

    def retry(self, policy: RetryPolicy | None = None) -> str:
        return retry(self.answer, policy or RetryPolicy(), sleep=self.sleep, clock=self.clock)


def test_what_is_temporary_is_tried_until_it_answers() -> None:
    world = World(ProviderUnavailable("down"), RateLimited("slowly"))
    assert world.retry() == "answer"
    assert world.calls == 3
    assert len(world.waits) == 2


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("who"),
        InvalidRequest("what"),
        CapacityError("full: the next offer is tried, not this one again"),
        QuotaError("no more"),
        UnknownOutcome("maybe"),
        ValueError("a fault of the provider's code"),
        SystemExit(3),
    ],
)
def test_what_is_not_temporary_is_raised_at_once(error: BaseException) -> None:
    world = World(error)
    with pytest.raises(type(error)):
        world.retry()
    assert (world.calls, world.waits) == (1, [])


def test_the_last_error_is_raised_when_the_tries_are_used_up() -> None:
    world = World(*(ProviderUnavailable(f"down {number}") for number in range(9)))
    with pytest.raises(ProviderUnavailable, match="down 2"):
        world.retry(RetryPolicy(tries=3))
    assert world.calls == 3


@given(st.integers(2, 12), st.floats(0.01, 5.0), st.floats(0.01, 60.0))
def test_waits_are_drawn_below_a_bound_that_doubles_up_to_the_longest(
    tries: int, first_s: float, longest_s: float
) -> None:
    world = World(*(ProviderUnavailable("down") for _ in range(tries - 1)))
    world.retry(RetryPolicy(tries, 1e9, first_s, longest_s))
    assert len(world.waits) == tries - 1
    for number, wait in enumerate(world.waits):
        assert 0 <= wait <= min(longest_s, first_s * 2**number) + 1e-9


def test_many_commands_do_not_come_back_at_one_moment() -> None:
    first = set()
    for _ in range(20):
        world = World(ProviderUnavailable("down"))
        world.retry()
        first.add(world.waits[0])
    assert len(first) > 10


def test_the_providers_own_wait_is_honoured() -> None:
    world = World(RateLimited("slowly", retry_after_s=17.0))
    assert world.retry() == "answer"
    assert world.waits == [17.0]


def test_a_wait_that_would_pass_the_end_is_not_begun() -> None:
    world = World(RateLimited("slowly", retry_after_s=3600.0))
    with pytest.raises(RateLimited):
        world.retry()
    assert world.waits == []


@given(st.floats(0.1, 30.0), st.floats(1.0, 60.0))
def test_no_call_begins_after_the_end(takes_s: float, total_s: float) -> None:
    begun = []
    world = World(*(ProviderUnavailable("down") for _ in range(50)), takes_s=takes_s)

    def answer() -> str:
        begun.append(world.now)
        return world.answer()

    with pytest.raises(ProviderUnavailable):
        retry(answer, RetryPolicy(40, total_s), sleep=world.sleep, clock=world.clock)
    assert all(moment < 100.0 + total_s for moment in begun)


def _failing(error: Callable[[], RunctlError], times: int) -> tuple[list[str], Callable[[], str]]:
    calls: list[str] = []

    def function() -> str:
        calls.append(threading.current_thread().name)
        if len(calls) <= times:
            raise error()
        return "made"

    return calls, function


def test_a_call_that_looks_is_tried_again() -> None:
    calls, function = _failing(lambda: ProviderUnavailable("down"), 1)
    assert call("cloud: list", function) == "made"
    assert calls == ["cloud: list"] * 2


def test_a_call_that_creates_is_never_tried_again() -> None:
    calls, function = _failing(lambda: ProviderUnavailable("down"), 1)
    with pytest.raises(ProviderUnavailable):
        call("cloud: create", function, creates=True)
    assert len(calls) == 1, "a second machine could have been bought"


def test_a_call_that_hangs_is_left_behind_and_not_tried_again() -> None:
    hang = threading.Event()
    calls: list[int] = []

    def function() -> None:
        calls.append(1)
        hang.wait()

    with pytest.raises(ProviderUnavailable, match="did not answer"):
        call("cloud: list", function, timeout_s=0.05)
    hang.set()
    assert calls == [1]


def test_what_is_not_what_was_promised_is_an_error_of_the_provider() -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        call("cloud: offers", lambda: ["cheap"], gives=int)
    assert "'cheap'" in caught.value.why
    with pytest.raises(UnknownOutcome):
        call("cloud: create", lambda: None, creates=True, gives=int)


def test_nothing_is_imported_for_trying_again_until_it_is_needed() -> None:
    code = (
        "import sys; from runctl_core.calls import call; call('x', lambda: 1);"
        "print(sorted({'backoff', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
