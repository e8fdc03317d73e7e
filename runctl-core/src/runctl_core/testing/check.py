"""A check: a method that holds a provider to one promise, and what it says when the promise is broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NoReturn, TypeVar

from attrs import frozen

Profile = Literal["required", "recommended", "chaos", "live"]
PROFILES: tuple[Profile, ...] = ("required", "recommended", "chaos", "live")
"""From the fewest checks to the most; each takes in those before it."""

PAGE = "docs/reference/conformance.md"
"""The page that explains every check, each under its own name."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


@frozen
class Promise:
    """What a check holds a provider to.

    Attributes:
        text: The promise, in one sentence without a full stop.
        profile: The first profile that the check belongs to.
        needs: The capability that it is about; a provider without it is not asked. None for every provider.
        tests: The methods of the contract that it tests, such as `create_resource`.
    """

    text: str
    profile: Profile
    needs: str | None
    tests: tuple[str, ...]


def check(
    promise: str,
    *,
    profile: Profile = "required",
    needs: str | None = None,
    tests: str | tuple[str, ...] = (),
) -> Callable[[_Function], _Function]:
    """Mark a method `test_…` of a suite as a check.

    Args:
        promise: What it holds the provider to, in one sentence without a full stop.
        profile: The first profile that it belongs to.
        needs: The capability that it is about, one of `runctl_core.provider.CAPABILITIES`.
        tests: The method of the contract that it tests, or several.
    """
    methods = (tests,) if isinstance(tests, str) else tests

    def mark(function: _Function) -> _Function:
        function.runctl_promise = Promise(promise, profile, needs, methods)  # type: ignore[attr-defined]
        return function

    return mark


def checks_of(suite: type) -> dict[str, Callable[..., Any]]:
    """Every check of a suite by its name, in the order of the alphabet."""
    named = {name: getattr(suite, name) for name in dir(suite) if name.startswith("test_")}
    return {name: function for name, function in named.items() if promise_of(function)}


def promise_of(function: object) -> Promise | None:
    """The promise of a check; None for anything else."""
    return getattr(function, "runctl_promise", None)


def replaces(reason: str) -> Callable[[_Function], _Function]:
    """Mark a method as an author's own in place of a check of the same name, with the reason.

    The report says that the check was replaced. One that is replaced without a reason fails the suite.
    """

    def mark(function: _Function) -> _Function:
        function.runctl_replaces = reason  # type: ignore[attr-defined]
        return function

    return mark


class BrokenPromise(AssertionError):
    """A provider does not keep a promise. What names the check is filled in when the check has ended.

    Attributes:
        expected: What the promise asks for.
        found: What was there instead.
        promise: The promise's sentence.
        name: The check's name.
        replay: How the same faults strike again.
    """

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(expected, found)
        self.expected = expected
        self.found = found
        self.promise = ""
        self.name = ""
        self.replay = ""

    def of(self, promise: str, name: str, replay: str) -> BrokenPromise:
        """The same, told to be of a check."""
        self.promise, self.name, self.replay = promise, name, replay
        return self

    def __str__(self) -> str:
        lines = [
            f"a broken promise: {self.promise}",
            f"  expected: {self.expected}",
            f"  found:    {self.found}",
        ]
        if self.name:
            lines.append(f"  read:     {PAGE}#{self.name}")
        if self.replay:
            lines.append(f"  replay:   {self.replay}")
        return "\n".join(lines)


def broken(*, expected: str, found: object) -> NoReturn:
    """Say that the check's promise is broken.

    Args:
        expected: What the promise asks for, in a few words.
        found: What was there instead; anything but a text is shown as Python writes it.

    Raises:
        BrokenPromise: Always.
    """
    __tracebackhide__ = True
    raise BrokenPromise(expected=expected, found=found if isinstance(found, str) else repr(found))
