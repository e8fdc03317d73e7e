"""The one thread in which asyncio lives: the others hand it coroutines and wait for their results."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_inherited: list[asyncio.AbstractEventLoop] = []


def wait_for(coroutine: Coroutine[Any, Any, T]) -> T:
    """Carry out `coroutine` in the loop's thread, and return its result. Ctrl-C cancels it."""
    future = asyncio.run_coroutine_threadsafe(coroutine, running())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def running() -> asyncio.AbstractEventLoop:
    """The loop; its thread is started when it is first needed, and again in a forked child."""
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="runctl-ssh", daemon=True).start()
        return _loop


def _forget() -> None:
    """In a forked child there is no such thread. The parent's loop is left alone: it shares its sockets."""
    global _loop, _lock
    _lock = threading.Lock()
    if _loop is not None:
        _inherited.append(_loop)
        _loop = None


os.register_at_fork(after_in_child=_forget)
