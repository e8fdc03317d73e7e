"""Work on several providers at once, each in a lane of its own: a slow one holds only what is its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")

WIDTH = 8
"""How many calls one provider gets at once."""


def in_lanes(
    lanes: Mapping[str, Sequence[T]], act: Callable[[T], None], *, timeout_s: float | None = None
) -> None:
    """Call `act` with everything in every lane, in daemon threads, and wait until all is done.

    Args:
        lanes: The work of each provider.
        act: Does one piece. It raises nothing, and keeps to time-outs of its own.
        timeout_s: Return after so many seconds, whatever is still under way; None to wait for all.
    """
    threads = []
    for name, pieces in lanes.items():
        waiting = deque(pieces)
        for _ in range(min(WIDTH, len(waiting))):
            thread = threading.Thread(target=_drain, args=(waiting, act), name=f"{name}: lane", daemon=True)
            thread.start()
            threads.append(thread)
    end = None if timeout_s is None else time.monotonic() + timeout_s
    for thread in threads:
        thread.join(None if end is None else max(0.0, end - time.monotonic()))


def _drain(waiting: deque[T], act: Callable[[T], None]) -> None:
    while True:
        try:
            piece = waiting.popleft()
        except IndexError:
            return
        act(piece)
