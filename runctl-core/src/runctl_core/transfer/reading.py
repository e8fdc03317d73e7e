"""Reading a file to its end: over connections that break, and from a source that may change meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

from runctl_core.errors import NotFound, ProviderUnavailable, StateError
from runctl_core.retry import retry
from runctl_core.stores.opening import PATIENCE
from runctl_core.transfer.items import Item
from runctl_core.transfer.partial import Partial
from runctl_core.transfer.sources import Source

Progress = Callable[[int], None]
"""Told of bytes that came through, negative for what is thrown away; raises to end the copying."""

TIMES = 3
"""How often a file that changes while it is copied is begun anew."""


class Changed(Exception):
    """The file is another one now: what was read of it is nothing whole."""

    def __init__(self, now: Item) -> None:
        super().__init__(now.name)
        self.now = now


def fill(partial: Partial, item: Item, source: Source, progress: Progress) -> None:
    """Bring a file to its full size from where it stands. Raises Changed."""

    def go_on() -> None:
        for data in rest(item, source, partial.size_bytes):
            partial.write(data)
            progress(len(data))
        require_whole(item, partial.size_bytes, source)

    retry(go_on, PATIENCE)


def rest(item: Item, source: Source, offset: int) -> Iterator[bytes]:
    """What is still to be read of a file: no more than it had when it was listed."""
    left = item.size_bytes - offset
    pieces = source.pieces(item, offset)
    while left > 0 and (data := next(pieces, b"")):
        yield data[:left]
        left -= len(data)


def require_whole(item: Item, size_bytes: int, source: Source) -> None:
    """Hold what was read against the source as it is now.

    Raises:
        Changed: It is another file now.
        NotFound: It is gone.
        ProviderUnavailable: It is the same, and not all of it came.
    """
    now = source.now(item)
    if now is None:
        raise NotFound(f"{item.name} is gone", why="it was deleted while it was copied")
    if now.identity != item.identity:
        raise Changed(now)
    if size_bytes < item.size_bytes:
        raise ProviderUnavailable(
            f"{item.name} was cut short: {size_bytes} of {item.size_bytes} bytes came",
            fix="the same command goes on where it stands",
        )


def always_changing(item: Item) -> StateError:
    """The error for a file that is never still."""
    return StateError(
        f"{item.name} changes while it is copied",
        why=f"{TIMES} times in a row",
        fix="wait until it is written, then try again",
    )


def digest(pieces: Iterable[bytes]) -> str:
    """The hash of bytes."""
    found = hashlib.sha256()
    for data in pieces:
        found.update(data)
    return found.hexdigest()
