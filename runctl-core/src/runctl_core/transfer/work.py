"""Many files at once, in threads that hold nobody: Ctrl-C ends the command, whatever a store does."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_PATIENCE_S = 2.0
"""How long to wait, after an error or Ctrl-C, for threads to put down what they hold."""


class Stopped(Exception):
    """Another file failed, or the user ended the command."""


class Workers:
    """Carries out one function for many values.

    Args:
        count: How many at once.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._stop = threading.Event()

    def check(self) -> None:
        """Raise Stopped when the work is to end: for functions that take long."""
        if self._stop.is_set():
            raise Stopped

    def map(self, function: Callable[[T], R], values: Sequence[T]) -> list[R]:
        """What the function gives for each value, in their order. Raises the first error; the rest stops."""
        todo: queue.SimpleQueue[int] = queue.SimpleQueue()
        for index in range(len(values)):
            todo.put(index)
        results: dict[int, R] = {}
        errors: list[BaseException] = []

        def work() -> None:
            while not self._stop.is_set():
                try:
                    index = todo.get_nowait()
                except queue.Empty:
                    return
                try:
                    results[index] = function(values[index])
                except BaseException as error:  # handed over to the caller's thread below
                    errors.append(error)
                    self._stop.set()

        threads = [threading.Thread(target=work, daemon=True) for _ in range(min(self._count, len(values)))]
        for thread in threads:
            thread.start()
        self._join(threads)
        if errors:
            raise next((error for error in errors if not isinstance(error, Stopped)), errors[0])
        return [results[index] for index in range(len(values))]

    def _join(self, threads: list[threading.Thread]) -> None:
        try:
            for thread in threads:
                while thread.is_alive() and not self._stop.is_set():
                    thread.join(0.2)
        except BaseException:
            self._stop.set()
            raise
        finally:
            # After an error, or Ctrl-C, the others put down what they hold; what hangs is left behind.
            for thread in threads:
                thread.join(_PATIENCE_S)
