"""A copy of the newest tree that is given to nobody: the next tree is made of it, and only what changed is
written. It is made when the sender has its answer, and nobody waits for it.
"""

from __future__ import annotations

import os
import time

from .files import copied
from .indexes import is_as_sent, load, look, save
from .members import Unsafe, parsed
from .places import alone, lock_of, remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .members import Member

MOST_BYTES = 1 << 30
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


def taken(place: bytes, building: bytes) -> list[Member]:
    """Let the spare become a new tree, and say what that has; nothing when there is no spare that is whole.

    The caller holds the place alone.
    """
    spare = place + b"/spare"
    if not os.path.isdir(spare) or not is_as_sent(spare):
        return []
    try:
        members = parsed(load(spare)[0])
    except Unsafe:
        return []
    os.rename(spare, building)
    return members


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
