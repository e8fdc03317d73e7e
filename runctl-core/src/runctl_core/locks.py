"""Locks of the kernel on a file or folder: they end with their process, however that ends.

Where a file system has none, nobody is kept out.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def lock(fd: int) -> bool:
    """Take the lock on an open file or folder; False when another process has it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True


@contextmanager
def alone(folder: str) -> Iterator[None]:
    """Wait until no other process works in a folder in this way. Raises OSError for no folder."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def is_locked(path: str) -> bool:
    """Whether a process works with what is at a path; False for nothing."""
    try:
        fd = _opened(path)
    except OSError:
        return False
    try:
        return not lock(fd)
    finally:
        os.close(fd)


def is_at(fd: int, path: str) -> bool:
    """Whether an open file or folder still has this path."""
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(path))
    except FileNotFoundError:
        return False


def _opened(path: str) -> int:
    """Open to write where that can be: network file systems lock nothing else."""
    flags = os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, os.O_RDWR | flags)
    except IsADirectoryError:
        return os.open(path, os.O_RDONLY | flags)
