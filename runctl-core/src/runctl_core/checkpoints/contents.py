"""The files of a checkpoint, none of them outside of it, and the hash of each.

Links that lead out of a folder, pipes and devices are named and never opened.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from threading import Lock

from attrs import frozen

from runctl_core.checkpoints.regular import opened
from runctl_core.paths import to_disk

MOST_FILES = 100_000
"""More files than this are no checkpoint: it would take gigabytes to remember their names."""

ITSELF = "."
"""The name of the only file of a checkpoint that is a file."""

_READ_BYTES = 1 << 20
_AT_ONCE = min(4, os.cpu_count() or 1)
_BATCH = 1000
_LISTENING_S = 0.2
"""A signal that comes just before a wait without end is heard only after it."""

Advance = Callable[[int], None]
"""Is told how many more bytes were read."""


class Unreadable(Exception):
    """It cannot be read as a file of this checkpoint; the message says why."""


@frozen
class Digest:
    """A file, as it was read.

    Attributes:
        size_bytes: Its size.
        sha256: Its hash, in hexadecimal.
    """

    size_bytes: int
    sha256: str


def files(path: str) -> list[str]:
    """The files of a checkpoint, relative to it and sorted. Raises Unreadable, OSError.

    Links to a folder are not followed: what they lead to is listed at its own place, or is not ours.
    """
    if not os.path.isdir(path):
        return [ITSELF]
    found = list(islice(_walk(path), MOST_FILES + 1))
    if len(found) > MOST_FILES:
        raise Unreadable(f"it has more than {MOST_FILES} files")
    return sorted(found)


def located(path: str, file: str) -> str:
    """The real path of a file of a checkpoint. Raises Unreadable for one that is elsewhere, or is none."""
    if file == ITSELF:
        return _regular(path)
    inside = os.path.realpath(path)
    real = os.path.realpath(os.path.join(inside, file))
    if os.path.commonpath([inside, real]) != inside:
        raise Unreadable("it leads out of the checkpoint")
    return _regular(real)


def read_all(
    path: str, names: Sequence[str], advance: Advance, *, durable: bool = False
) -> Iterator[tuple[str, Digest | str]]:
    """Read files of a checkpoint, some at a time; a text says why one cannot be read.

    Args:
        path: The checkpoint.
        names: Its files, as `files` names them.
        advance: Is told what was read.
        durable: Have each one on the disk when its hash is returned.
    """
    if len(names) < 2:
        yield from ((name, _read(path, name, advance, durable)) for name in names)
        return
    from concurrent.futures import ThreadPoolExecutor, wait

    gate = _Gate(advance)
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        for begin in range(0, len(names), _BATCH):
            batch = names[begin : begin + _BATCH]
            reads = [pool.submit(_read, path, name, gate, durable) for name in batch]
            for name, read in zip(batch, reads, strict=True):
                while not read.done():
                    wait([read], timeout=_LISTENING_S)
                yield name, read.result()
    finally:
        gate.close()
        pool.shutdown(cancel_futures=True)


class _Gate:
    """Lets one thread report at a time, and none go on once the reader has given up."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance
        self._lock = Lock()
        self._closed = False

    def __call__(self, size_bytes: int) -> None:
        with self._lock:
            if self._closed:
                raise Unreadable("interrupted")
            self._advance(size_bytes)

    def close(self) -> None:
        self._closed = True


def _read(path: str, name: str, advance: Advance, durable: bool) -> Digest | str:
    try:
        real = located(path, name)
        found = _digest(real, advance)
        if durable:
            to_disk(real)
    except Unreadable as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
    return found


def _digest(path: str, advance: Advance) -> Digest:
    """Read a file to its end; what grows or changes meanwhile is none."""
    found, buffer = hashlib.sha256(), bytearray(_READ_BYTES)
    view = memoryview(buffer)
    with opened(path) as file:
        before, size = os.fstat(file.fileno()), 0
        while size <= before.st_size and (count := file.readinto(buffer)):
            found.update(view[:count])
            size += count
            advance(count)
        after = os.fstat(file.fileno())
    if size != before.st_size or before.st_mtime_ns != after.st_mtime_ns:
        raise Unreadable("it changed while it was read: it is still being written")
    return Digest(size, found.hexdigest())


def _regular(path: str) -> str:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError as error:
        raise Unreadable("it leads nowhere" if os.path.islink(path) else "missing") from error
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error
    if not stat.S_ISREG(mode):
        raise Unreadable("it is no file")
    return path


def _walk(folder: str) -> Iterator[str]:
    """Without recursion: a folder may be deeper than Python's stack."""
    left = [""]
    while left:
        below = left.pop()
        with os.scandir(os.path.join(folder, below)) as items:
            for item in items:
                name = os.path.join(below, item.name)
                if item.is_dir(follow_symlinks=False):
                    left.append(name)
                elif not _is_linked_folder(folder, item):
                    yield name


def _is_linked_folder(folder: str, item: os.DirEntry[str]) -> bool:
    """A link to a folder of the same checkpoint; one that leads elsewhere is left to be named."""
    if not item.is_symlink() or not os.path.isdir(item.path):
        return False
    inside = os.path.realpath(folder)
    return os.path.commonpath([inside, os.path.realpath(item.path)]) == inside
