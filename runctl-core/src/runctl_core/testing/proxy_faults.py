"""What a `FaultProxy` does to which calls: scripted one by one, or drawn from a seed."""

from __future__ import annotations

import fnmatch
import random
import threading
from collections.abc import Sequence
from typing import Literal

from attrs import evolve, frozen

from runctl_core.errors import Unsupported
from runctl_core.testing.cloud import Fault

Reset = Literal["before", "after"]


@frozen
class Mishap:
    """How one call goes wrong.

    Attributes:
        status: Answered by the proxy itself, and not carried out; None to let it through.
        retry_after: The header `Retry-After` of that answer.
        body: The body of that answer.
        reset: The connection breaks before the call is carried out, or after it.
        delay_s: How long the call waits first, in seconds.
        garbled: It is carried out, and the body of the reply is no document.
    """

    status: int | None = None
    retry_after: str | None = None
    body: bytes = b""
    reset: Reset | None = None
    delay_s: float = 0.0
    garbled: bool = False

    def __str__(self) -> str:
        words = [str(self.status)] if self.status else []
        words += [f"Retry-After {self.retry_after}"] if self.retry_after is not None else []
        words += [f"reset {self.reset}"] if self.reset else []
        words += [f"delay {self.delay_s:g} s"] if self.delay_s else []
        words += ["garbled"] if self.garbled else []
        return ", ".join(words) or "nothing"


MISHAPS = {
    Fault.UNAUTHENTICATED: Mishap(status=401),
    Fault.RATE_LIMIT: Mishap(status=429, retry_after="1"),
    Fault.RATE_LIMIT_SILENT: Mishap(status=429),
    Fault.SERVER_ERROR: Mishap(status=500),
    Fault.RESET: Mishap(reset="before"),
    Fault.REPLY_LOST: Mishap(reset="after"),
    Fault.GARBLED: Mishap(garbled=True),
}
"""The faults that look alike at every HTTP API."""

_DRAWN = tuple(mishap for fault, mishap in MISHAPS.items() if fault is not Fault.UNAUTHENTICATED)


def mishap_of(fault: Fault) -> Mishap:
    """A fault as an HTTP API shows it. Raises Unsupported for one that each API has its own words for."""
    if fault not in MISHAPS:
        raise Unsupported(
            f"a proxy cannot know how this API says {fault.value}",
            why="each has a status and words of its own for it",
            fix="inject(match, status=…, body=…) with what it says",
        )
    return MISHAPS[fault]


@frozen
class _Rule:
    match: str
    mishap: Mishap
    left: int

    def fits(self, method: str, path: str) -> bool:
        wanted_method, _, wanted_path = self.match.partition(" ")
        return fnmatch.fnmatchcase(method, wanted_method) and fnmatch.fnmatchcase(path, wanted_path)


class MishapScript:
    """Which calls go wrong, and how. The same seed and the same calls give the same mishaps."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self._random: tuple[str, float, random.Random] | None = None
        self._struck: list[str] = []
        self._calls = 0

    def add(self, match: str, mishap: Mishap, times: int) -> None:
        """Let the next `times` calls that match go wrong."""
        with self._lock:
            self._rules.append(_Rule(match, mishap, times))

    def draw(self, match: str, share: float) -> None:
        """Let a share of the calls that match go wrong, drawn from the seed; 0 for none any more."""
        with self._lock:
            self._random = (match, share, random.Random(self._seed)) if share else None  # noqa: S311

    def clear(self) -> None:
        """Take back what has not struck yet, the drawn ones too."""
        with self._lock:
            self._rules, self._random = [], None

    def next(self, method: str, path: str) -> Mishap | None:
        """What happens to a call; None for nothing."""
        with self._lock:
            self._calls += 1
            mishap = self._scripted(method, path) or self._drawn(method, path)
            if mishap:
                self._struck.append(f"call {self._calls} {method} {path}: {mishap}")
            return mishap

    def _scripted(self, method: str, path: str) -> Mishap | None:
        for number, rule in enumerate(self._rules):
            if rule.fits(method, path):
                self._rules[number : number + 1] = [evolve(rule, left=rule.left - 1)] if rule.left > 1 else []
                return rule.mishap
        return None

    def _drawn(self, method: str, path: str) -> Mishap | None:
        if self._random is None:
            return None
        match, share, chance = self._random
        fits = _Rule(match, Mishap(), 1).fits(method, path)
        return chance.choice(_DRAWN) if fits and chance.random() < share else None

    @property
    def pending(self) -> int:
        """How many scripted mishaps have not struck yet."""
        with self._lock:
            return sum(rule.left for rule in self._rules)

    @property
    def struck(self) -> Sequence[str]:
        """What struck, in its order."""
        with self._lock:
            return tuple(self._struck)

    @property
    def replay(self) -> str:
        """How the same mishaps strike again: the seed, and what struck."""
        return "; ".join([f"seed {self._seed}", *self.struck])
