"""The trees below a folder of a machine, and how one more is made.

    TARGET/trees/NAME        a whole tree; never written again after it got its name
    TARGET/trees/NAME.index  what was sent as that tree, and how its files looked when it was whole
    TARGET/building-*        a tree that is being made; its maker holds a lock on it
    TARGET/lock              held while a tree gets its name, and while old ones are removed

A tree is given out again only while it is exactly what was sent. One in which a job made or changed
files is never touched: they may be its results. One that is still as it was sent is removed a day after
it was last given out, when no process works in it: it can be made again at any time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from contextlib import contextmanager

from .files import CutShort, copied, hashed, received
from .indexes import fact, indexed, is_as_sent, regular_files
from .members import Member, Unsafe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

KEPT_S = 24 * 3600.0


class Store:
    """The trees below a folder."""

    def __init__(self, place: bytes, manifest: bytes, members: list[Member]) -> None:
        self.place = place
        self.trees = place + b"/trees"
        self.manifest = manifest
        self.members = members
        self.name = hashlib.sha256(manifest).hexdigest()[:16].encode()

    def offer(self) -> list[bytes]:
        """The tree when it is there as it was sent; else the numbers of members that nothing here has."""
        os.makedirs(self.trees, 0o700, exist_ok=True)
        with self.alone():
            tree = self.unchanged()
            if tree:
                return self.given_out(tree, 0)
        needed = sum(m.size for m in self.members if m.kind == b"f")
        if needed > self.free_bytes():
            self.remove_abandoned()
        free = self.free_bytes()
        if needed > free:
            return [b"full", self.place, b"%d bytes are needed, and %d are free" % (needed, free)]
        have = self.contents()
        missing = [number for number, m in enumerate(self.members) if m.kind == b"f" and m.digest not in have]
        return [b"missing", b" ".join(b"%d" % number for number in missing)]

    def build(self, given: BinaryIO) -> list[bytes]:
        """Make the tree of what comes and of what is here, and give it its name when it is whole."""
        os.makedirs(self.trees, 0o700, exist_ok=True)
        listed = given.read(int.from_bytes(given.read(8), "big"))
        coming = [int(number) for number in listed.split()]
        building = self.place + b"/building-%d-%d" % (os.getpid(), time.time_ns())
        os.mkdir(building, 0o700)
        fd = os.open(building, os.O_RDONLY)
        locked(fd)
        try:
            return self.filled(building, coming, given)
        except CutShort:
            raise  # what came whole is used by the next call
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        finally:
            os.close(fd)

    def filled(self, building: bytes, coming: list[int], given: BinaryIO) -> list[bytes]:
        """Fill the folder, and give it its name unless a content is missing."""
        folders = {m.path.rpartition(b"/")[0] for m in self.members}
        for folder in sorted(folders - {b""}):
            os.makedirs(building + b"/" + folder, exist_ok=True)
        wrong = [number for number in coming if not received(building, self.members[number], given)]
        expected = set(coming)
        rest = [n for n, m in enumerate(self.members) if m.kind == b"f" and n not in expected]
        if rest:
            have = self.contents()
            wrong += [n for n in rest if not copied(building, self.members[n], have)]
        if wrong:
            return [b"missing", b" ".join(b"%d" % number for number in sorted(wrong))]
        self.linked(building)
        return self.named(building, len(rest))

    def linked(self, building: bytes) -> None:
        """Make the links last, so that nothing is ever written through one."""
        links = [building + b"/" + m.path for m in self.members if m.kind == b"l"]
        for member in self.members:
            if member.kind == b"l":
                os.symlink(member.link, building + b"/" + member.path)
        inside = os.path.realpath(building) + b"/"
        for link in links:
            if not (os.path.realpath(link) + b"/").startswith(inside):
                raise Unsafe(f"{os.fsdecode(link[len(building) + 1 :])} would lead out of the tree")

    def named(self, building: bytes, unchanged: int) -> list[bytes]:
        """Give the tree its name; remove what nobody needs any more."""
        facts = b"".join(b"%d %d %d %d\n" % fact(building + b"/" + m.path) for m in self.members)
        before = self.newest()
        names = {m.path for m in self.members}
        removed = sum(m.path not in names for m in indexed(before)[0]) if before else 0
        with self.alone():
            tree = self.unchanged()  # another sender was quicker
            if tree:
                shutil.rmtree(building, ignore_errors=True)
            else:
                tree = self.free_name()
                with open(tree + b".index", "wb") as file:
                    file.write(b"%d\n" % len(self.manifest) + self.manifest + facts)
                os.rename(building, tree)
            self.cleaned(tree)
            return self.given_out(tree, removed, unchanged)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other receiver names, gives out or removes trees here."""
        with open(self.place + b"/lock", "ab") as file:
            locked(file.fileno())
            yield

    def free_bytes(self) -> int:
        """How much the disk takes."""
        room = os.statvfs(self.place)
        return room.f_bavail * room.f_frsize

    def given_out(self, tree: bytes, removed: int, unchanged: int | None = None) -> list[bytes]:
        """The answer that names a tree; from now on it is in use for a while."""
        os.utime(tree + b".index")
        files = sum(m.kind == b"f" for m in self.members)
        return [b"tree", tree, b"%d" % (files if unchanged is None else unchanged), b"%d" % removed]

    def free_name(self) -> bytes:
        """A name for this content that no tree has."""
        number = 0
        while True:
            tree = self.trees + b"/" + self.name + (b"-%d" % number if number else b"")
            if not os.path.lexists(tree):
                return tree
            number += 1

    def unchanged(self) -> bytes | None:
        """A tree of this very content that is exactly what was sent."""
        for tree in self.known():
            name = tree.rpartition(b"/")[2].partition(b"-")[0]
            if name == self.name and is_as_sent(tree):
                return tree
        return None

    def known(self) -> list[bytes]:
        """The trees that have an index, the newest first."""
        with os.scandir(self.trees) as entries:
            found = [
                (entry.stat().st_mtime_ns, entry.path) for entry in entries if entry.name.endswith(b".index")
            ]
        trees = [path[: -len(b".index")] for _, path in sorted(found, reverse=True)]
        return [tree for tree in trees if os.path.isdir(tree)]

    def newest(self) -> bytes | None:
        """The tree that was given out last."""
        return next(iter(self.known()), None)

    def contents(self) -> dict[bytes, bytes]:
        """Where each wanted content lies: in trees, and in what a killed receiver left behind."""
        wanted = {m.digest: m.size for m in self.members if m.kind == b"f"}
        have: dict[bytes, bytes] = {}
        for tree in self.known():
            for member, seen in zip(*indexed(tree)):
                if member.digest in wanted and member.digest not in have:
                    path = tree + b"/" + member.path
                    if seen == fact(path):
                        have[member.digest] = path
            if len(have) == len(wanted):
                return have
        sizes = set(wanted.values())
        for folder in self.abandoned():
            for path, size in regular_files(folder):
                if size in sizes:
                    found = hashed(path)
                    if found in wanted:
                        have.setdefault(found, path)
        return have

    def abandoned(self) -> Iterator[bytes]:
        """What receivers began, and were killed before it was whole."""
        with os.scandir(self.place) as entries:
            folders = [entry.path for entry in entries if entry.name.startswith(b"building-")]
        for folder in folders:
            try:
                fd = os.open(folder, os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield folder
            except OSError:
                continue  # somebody makes it, or nobody can tell
            finally:
                os.close(fd)

    def remove_abandoned(self) -> None:
        """Remove what receivers began, and will not end."""
        for folder in self.abandoned():
            shutil.rmtree(folder, ignore_errors=True)

    def cleaned(self, kept: bytes) -> None:
        """Remove what receivers left, and trees that are as they were sent and that nobody uses."""
        self.remove_abandoned()
        old = [tree for tree in self.known() if tree != kept and is_old(tree)]
        if not old or not os.path.exists(b"/proc/self/cwd"):
            return  # nothing is removed where nobody can tell who works in it
        used = working_directories()
        for tree in old:
            inside = tree + b"/"
            if not any((folder + b"/").startswith(inside) for folder in used) and is_as_sent(tree):
                gone = self.place + b"/building-gone-%d" % time.time_ns()
                os.rename(tree, gone)
                os.unlink(tree + b".index")
                shutil.rmtree(gone, ignore_errors=True)


def locked(fd: int) -> None:
    """Wait for a lock that ends with this process. Where a file system has none, nobody is kept out."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
    except OSError:
        return


def is_old(tree: bytes) -> bool:
    """Whether a tree was given out long ago."""
    age_s = time.time() - os.stat(tree + b".index").st_mtime
    return age_s > KEPT_S


def working_directories() -> set[bytes]:
    """Where processes work, as far as this user may know."""
    found = set()
    for pid in os.listdir(b"/proc"):
        if pid.isdigit():
            try:
                found.add(os.readlink(b"/proc/" + pid + b"/cwd"))
            except OSError:
                continue  # it ended, or is another user's
    return found
