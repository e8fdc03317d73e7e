"""The fake cloud's time: this computer's, moved on by a test; or one that stands still until it is moved."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime


class CloudClock:
    """Seconds since 1970, as the cloud counts them. It never goes back.

    Args:
        start: Where a clock that stands still begins; None for one that goes on by itself.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self.runs = start is None
        self._lock = threading.Lock()
        self._base = time.time() - time.monotonic() if start is None else start.timestamp()

    def now(self) -> float:
        """The present moment."""
        with self._lock:
            return self._base + (time.monotonic() if self.runs else 0.0)

    def advance(self, seconds: float) -> None:
        """Move on. Raises ValueError for a step back."""
        if seconds < 0:
            raise ValueError(f"the clock does not go back by {-seconds} s")
        with self._lock:
            self._base += seconds

    @staticmethod
    def text(moment: float) -> str:
        """A moment as it stands in rows: ISO 8601, UTC, to the microsecond."""
        return datetime.fromtimestamp(moment, UTC).isoformat()
