"""Folders that receivers work in: whose they are, and how they go."""

from __future__ import annotations

import fcntl
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO


def alone(place: bytes) -> BinaryIO:
    """Wait until no other receiver begins, names, gives out or removes trees; until this is closed."""
    file = open(place + b"/lock", "ab")  # noqa: SIM115
    _lock(file.fileno())
    return file


def lock_of(folder: bytes) -> int:
    """Hold a folder as its maker, until this is closed or the process ends."""
    fd = os.open(folder, os.O_RDONLY)
    _lock(fd)
    return fd


def is_abandoned(folder: bytes) -> bool:
    """Whether the maker of a folder has ended. False where nobody can tell."""
    try:
        fd = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def remove(folder: bytes) -> None:
    """Remove a folder, as far as that can be. Imported late: an unchanged tree needs no removal."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _lock(fd: int) -> None:
    """Wait for a lock that ends with this process. Where a file system has none, nobody is kept out."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
    except OSError:
        return
