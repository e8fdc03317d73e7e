"""A copy of the newest tree that is given to nobody: the next tree is made of it, and only what changed is
written. It is made when the sender has its answer, and nobody waits for it.
"""

from __future__ import annotations

import os
import time

from .files import copied
from .indexes import load, look, rows_of, save
from .members import Unsafe, parsed
from .places import alone, lock_of, remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .members import Member

MOST_BYTES = 1 << 28
"""A tree with more has no spare: it would cost too much of the disk."""


def prepare_in_background(tree: bytes) -> None:
    """Make a spare copy of a tree that was just given out, in a process of its own."""
    if os.fork():
        return
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)  # the caller waits for the end of our output
    try:
        os.nice(10)
        _prepare(tree)
    except OSError:
        pass  # the next tree is made without one
    finally:
        os._exit(0)


def _prepare(tree: bytes) -> None:
    place = os.path.dirname(os.path.dirname(tree))
    manifest, _ = load(tree)
    members = parsed(manifest)
    size = sum(member.size for member in members)
    room = os.statvfs(place)
    if size > min(MOST_BYTES, room.f_bavail * room.f_frsize // 4):
        return
    copy = place + b"/preparing-%d-%d" % (os.getpid(), time.time_ns())
    with alone(place):
        os.mkdir(copy, 0o700)
        fd = lock_of(copy)
    try:
        if _is_copied(copy, tree, members):
            _replace(place, copy, manifest)
    finally:
        remove(copy)
        os.close(fd)


def _is_copied(copy: bytes, tree: bytes, members: list[Member]) -> bool:
    """Copy a tree; False when a job changes it meanwhile."""
    for member in members:
        os.makedirs(os.path.dirname(copy + b"/" + member.path), exist_ok=True)
        if member.kind == b"l":
            os.symlink(member.link, copy + b"/" + member.path)
        elif not copied(copy, member, {member.digest: tree + b"/" + member.path}):
            return False
    return True


def _replace(place: bytes, copy: bytes, manifest: bytes) -> None:
    looked = look(copy)
    spare, gone = place + b"/spare", copy + b"-gone"
    with alone(place):
        if os.path.isdir(spare):
            os.rename(spare, gone)
        save(spare, manifest, looked)
        os.rename(copy, spare)
    remove(gone)


class Spare:
    """A spare that is whole: what it has, and how its files look, by path."""

    def __init__(self, folder: bytes) -> None:
        self.folder = folder
        self.members: list[Member] = []
        self.rows: dict[bytes, bytes] = {}
        self.number = (0, 0)

    def taken(self, building: bytes) -> bool:
        """Let it become a new tree, unless it is gone by now. The caller holds the place alone."""
        if not self.members or number_of(self.folder) != self.number:
            self.members, self.rows = [], {}
            return False
        os.rename(self.folder, building)
        return True


def spare_of(place: bytes) -> Spare:
    """The spare; one that has nothing when there is none that is whole."""
    spare = Spare(place + b"/spare")
    number = number_of(spare.folder)
    manifest, looked = load(spare.folder)
    try:
        if manifest and looked == look(spare.folder) and number == number_of(spare.folder):
            spare.members, spare.rows, spare.number = parsed(manifest), rows_of(looked), number
    except (Unsafe, OSError):
        pass  # every file is written
    return spare


def number_of(folder: bytes) -> tuple[int, int]:
    """What tells a folder from another one of its name; zeros for none."""
    try:
        found = os.lstat(folder)
    except OSError:
        return (0, 0)
    return (found.st_ino, found.st_ctime_ns)


def fitted(building: bytes, had: list[Member], wanted: list[Member]) -> set[bytes]:
    """Remove what a new tree has not, and return the paths that are as they should be."""
    same = {member.row for member in had} & {member.row for member in wanted}
    folders = set()
    for member in had:
        if member.row not in same:
            os.unlink(building + b"/" + member.path)
            folders.add(os.path.dirname(member.path))
    for folder in sorted(folders, reverse=True):
        while folder:
            try:
                os.rmdir(building + b"/" + folder)
            except OSError:
                break  # something else is in it
            folder = os.path.dirname(folder)
    return {member.path for member in had if member.row in same}
