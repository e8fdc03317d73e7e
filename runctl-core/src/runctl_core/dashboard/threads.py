"""Threads that hold nobody: a daemon each, whose own faults are told and not lost."""

from __future__ import annotations

import threading
from collections.abc import Callable

from runctl_core.dashboard.snapshot import News


def in_background(name: str, body: Callable[[], None], tell: Callable[[News], None]) -> None:
    """Run `body` beside everything else; an exception that it lets out is told."""

    def guarded() -> None:
        try:
            body()
        except Exception as error:
            tell(error)

    threading.Thread(target=guarded, name=name, daemon=True).start()
