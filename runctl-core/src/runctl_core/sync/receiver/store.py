"""The trees below a folder of a machine, and how one more is made.

    TARGET/trees/NAME        a whole tree; never written again after it got its name
    TARGET/trees/NAME.index  what was sent as that tree, and how its files looked when it was whole
    TARGET/building-*        a tree that is being made; its maker holds a lock on it
    TARGET/spare             a copy of the newest tree, of which the next one is made; `preparing-*` before
    TARGET/lock              held while a tree gets its name, and while old ones are removed

A tree is given out again only while it is exactly what was sent. One in which a job made or changed
files is never touched: they may be its results. One that is still as it was sent is removed a day after
it was last given out, when no process works in it: it can be made again at any time.
"""

from __future__ import annotations

import os
import time

from .files import PIECE_BYTES, CutShort, copied, hashed, name_in, received
from .indexes import is_as_sent, joined, load, regular_files, row, save, unchanged_files
from .members import UNKNOWN, Unsafe, parsed
from .places import alone, is_abandoned, lock_of, remove
from .spare import Spare, fitted, spare_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from .members import Member

KEPT_S = 24 * 3600.0


class Store:
    """The trees below a folder."""

    def __init__(self, place: bytes, name: bytes, manifest: bytes) -> None:
        self.place = place
        self.trees = place + b"/trees"
        self.name = name
        self.manifest = manifest
        self.members: list[Member] = []
        self.spare = Spare(place)

    def brought(self, coming: list[int], given: BinaryIO) -> list[bytes]:
        """The tree, when it is there as it was sent, or can be made of what comes and of what is here; else
        the numbers of members that neither come nor are here. Of members that have no hash and do not come,
        those for which something of their size is here: only then the sender has to know its hash."""
        os.makedirs(self.trees, 0o700, exist_ok=True)
        with alone(self.place):
            tree = self.unchanged()
            words = self.given_out(tree, 0, b"") if tree else []
        if not words:
            self.members = parsed(self.manifest)
            self.spare = spare_of(self.place)
            words = self.alike(set(coming)) or self.lacking(set(coming))
        if not words:
            return self.build(coming, given)
        while given.read(PIECE_BYTES):
            pass  # a sender whose words are not read could take that for a failure
        return words

    def alike(self, coming: set[int]) -> list[bytes]:
        """The answer that names members which may be here; nothing when each has a hash, or comes."""
        unread = [n for n, m in enumerate(self.members) if is_unread(m) and n not in coming]
        sizes = self.sizes() if unread else set()
        found = [number for number in unread if self.members[number].size in sizes]
        return [b"alike", b" ".join(b"%d" % number for number in found)] if unread else []

    def lacking(self, coming: set[int]) -> list[bytes]:
        """The answer that says what there is too little of; nothing when the tree can be made."""
        needed = sum(m.size for m in self.members if m.kind == b"f")
        if needed > self.free_bytes():
            self.remove_abandoned()
        free = self.free_bytes()
        if needed > free:
            return [b"full", self.place, b"%d bytes are needed, and %d are free" % (needed, free)]
        rest = [(n, m) for n, m in enumerate(self.members) if m.kind == b"f" and n not in coming]
        have = self.contents({m.digest: m.size for _, m in rest})
        missing = [number for number, m in rest if m.digest not in have]
        return [b"missing", b" ".join(b"%d" % number for number in missing)] if missing else []

    def build(self, coming: list[int], given: BinaryIO) -> list[bytes]:
        """Make the tree of what comes and of what is here, and give it its name when it is whole."""
        building = self.place + b"/building-%d-%d" % (os.getpid(), time.time_ns())
        with alone(self.place):
            if not self.spare.taken(building):
                os.mkdir(building, 0o700)
            fd = lock_of(building)
        try:
            return self.filled(building, coming, given)
        except CutShort:
            raise  # what came whole is used by the next call
        except BaseException:
            remove(building)
            raise
        finally:
            os.close(fd)

    def filled(self, building: bytes, coming: list[int], given: BinaryIO) -> list[bytes]:
        """Fill the folder, and give it its name unless a content is missing."""
        expected = set(coming)
        there = fitted(
            building, self.spare.members, [m for n, m in enumerate(self.members) if n not in expected]
        )
        rows = {path: self.spare.rows[path] for path in there}
        self.spare.folder, self.spare.members = building, [m for m in self.spare.members if m.path in there]
        folders = {m.path.rpartition(b"/")[0] for m in self.members if m.path not in there}
        for folder in sorted(folders - {b""}):
            os.makedirs(building + b"/" + folder, exist_ok=True)
        is_named = not any(is_unread(member) for member in self.members)
        for number in coming:
            rows[self.members[number].path] = received(building, self.members[number], given)
        if not is_named:
            self.name, self.manifest = name_in(given), b"".join(m.line for m in self.members)
        rest = [m for m in self.members if m.kind == b"f" and m.path not in rows]
        have = self.contents({m.digest: m.size for m in rest}) if rest else {}
        for member in rest:
            rows[member.path] = copied(building, member, have)
        wrong = [n for n, m in enumerate(self.members) if not rows.get(m.path, m.kind == b"l")]
        if wrong:
            return [b"missing", b" ".join(b"%d" % number for number in wrong)]
        self.linked(building, rows)
        return self.named(building, joined(list(rows.values())), b"%d" % len(coming))

    def linked(self, building: bytes, rows: dict[bytes, bytes]) -> None:
        """Make the links last, so that nothing is ever written through one."""
        links = [building + b"/" + m.path for m in self.members if m.kind == b"l"]
        for member in self.members:
            if member.kind == b"l" and member.path not in rows:
                path = building + b"/" + member.path
                os.symlink(member.link, path)
                rows[member.path] = row(member.path, os.lstat(path))
        inside = os.path.realpath(building) + b"/"
        for link in links:
            if not (os.path.realpath(link) + b"/").startswith(inside):
                raise Unsafe(f"{os.fsdecode(link[len(building) + 1 :])} would lead out of the tree")

    def named(self, building: bytes, looked: bytes, came: bytes) -> list[bytes]:
        """Give the tree its name; remove what nobody needs any more."""
        before = self.newest()
        had = {head.split(b" ", 4)[-1] for head in load(before)[0].split(b"\0")} if before else set()
        removed = len(had - {b""} - {m.path for m in self.members} - {m.link for m in self.members})
        with alone(self.place):
            tree = self.unchanged()  # another sender was quicker
            if tree:
                remove(building)
            else:
                tree = self.free_name()
                save(tree, self.manifest, looked)
                os.rename(building, tree)
            self.cleaned(tree)
            return self.given_out(tree, removed, came)

    def free_bytes(self) -> int:
        """How much the disk takes."""
        room = os.statvfs(self.place)
        return room.f_bavail * room.f_frsize

    def given_out(self, tree: bytes, removed: int, came: bytes) -> list[bytes]:
        """The answer that names a tree, and how many files came for it, nothing when it was there already.
        From now on it is in use for a while."""
        os.utime(tree + b".index")
        return [b"tree", tree, b"%d" % removed, came]

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
            if name == self.name and is_as_sent(tree, self.manifest):
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

    def contents(self, wanted: dict[bytes, int]) -> dict[bytes, bytes]:
        """Where contents of these sizes lie: in trees, and in what a killed receiver left behind."""
        have = {m.digest: self.spare.folder + b"/" + m.path for m in self.spare.members if m.digest in wanted}
        if len(have) == len(wanted):
            return have
        for tree in self.known():
            for member, path in unchanged_files(tree):
                if member.digest in wanted:
                    have.setdefault(member.digest, path)
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

    def sizes(self) -> set[int]:
        """How long the contents are that `contents` would look at."""
        found = {member.size for member in self.spare.members}
        for tree in self.known():
            found.update(member.size for member, _ in unchanged_files(tree))
        for folder in self.abandoned():
            found.update(size for _, size in regular_files(folder))
        return found

    def abandoned(self) -> list[bytes]:
        """What receivers began, and were killed before it was whole."""
        with os.scandir(self.place) as entries:
            begun = [entry.path for entry in entries if entry.name.startswith((b"building-", b"preparing-"))]
        return [folder for folder in begun if is_abandoned(folder)]

    def remove_abandoned(self) -> None:
        """Remove what receivers began, and will not end."""
        for folder in self.abandoned():
            remove(folder)

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
                remove(gone)


def is_unread(member: Member) -> bool:
    """Whether the hash of a file is not known yet."""
    return member.kind == b"f" and member.digest == UNKNOWN


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
