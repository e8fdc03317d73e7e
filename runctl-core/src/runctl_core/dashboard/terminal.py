"""The terminal, while the dashboard has it: nothing else may write there, and every end gives it back."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

RESTORE = "\x1b[?2004l\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l\x1b[0m"
"""Ends bracketed paste and the key protocol, shows the first screen and the cursor again."""


_PATIENCE_S = 3.0


@contextmanager
def owned(screen: TextIO) -> Iterator[None]:
    """Let the dashboard alone write to the terminal behind `screen`.

    What plugins, and the programs that they start, write to standard output and error meanwhile would
    stand in the middle of the picture: where these are this terminal too, it goes nowhere.
    """
    kept = {number: os.dup(number) for number in (1, 2)}
    before = sys.__stdout__, sys.__stderr__
    with open(os.devnull, "wb") as nowhere:
        for number in kept:
            if os.isatty(number):
                os.dup2(nowhere.fileno(), number)
    # Textual asks the one how large the terminal is, and draws on the other.
    sys.__stdout__ = sys.__stderr__ = screen  # type: ignore[misc, assignment]
    try:
        yield
    finally:
        sys.__stdout__, sys.__stderr__ = before  # type: ignore[misc]
        for number, old in kept.items():
            os.dup2(old, number)
            os.close(old)


def end_all_the_same(status: int) -> None:
    """End this process soon, if it does not end by itself: a terminal that is gone may hold it."""

    screen = sys.__stderr__

    def body() -> None:
        time.sleep(_PATIENCE_S)
        if screen is not None:
            with suppress(OSError):
                os.write(screen.fileno(), RESTORE.encode())
        os._exit(status)

    threading.Thread(target=body, daemon=True).start()
