"""How far something is, in one line: the share that is done, the rate, the time that is left."""

from __future__ import annotations

import time

from runctl_core import words


class Meter:
    """Counts what is done, and says now and then how far that is.

    Args:
        what: What is being done.
        total: How much there is, in bytes; or how many, with a noun.
        noun: What is counted, in the singular; empty for bytes.
        every_s: Seconds between two lines.
    """

    def __init__(self, what: str, total: int, noun: str = "", *, every_s: float) -> None:
        self._what = what
        self._noun = noun
        self._total = max(1, total)
        self._every_s = every_s
        self._done = 0
        self._begun = time.monotonic()
        self._told = 0.0

    def advance(self, more: int) -> str:
        """Count so much more as done. Gives the line to show, or nothing when the last one is fresh."""
        self._done += more
        moment = time.monotonic()
        if moment - self._told < self._every_s:
            return ""
        self._told = moment
        rate = self._done / max(0.001, moment - self._begun)
        left = words.duration((self._total - self._done) / max(0.001, rate))
        percent = 100 * self._done // self._total
        total = words.count(self._total, self._noun) if self._noun else words.size(self._total)
        speed = f"{rate:.1f}" if self._noun else words.size(rate)
        return f"{self._what} {percent} % of {total}, {speed}/s, {left} left"
