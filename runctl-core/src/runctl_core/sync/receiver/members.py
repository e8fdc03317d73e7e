"""What a tree is to have, as the sender says; and what no tree may have."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


UNKNOWN = b"-"
"""Instead of a hash: of a link, and of a file whose hash comes after its content."""


class Member:
    """A file (`f`) or a link (`l`): permissions, size, SHA-256 in hexadecimal, path, where it leads."""

    __slots__ = ("digest", "kind", "link", "mode", "path", "size")

    def __init__(self, kind: bytes, mode: int, size: int, digest: bytes, path: bytes, link: bytes) -> None:
        self.kind = kind
        self.mode = mode
        self.size = size
        self.digest = digest
        self.path = path
        self.link = link

    @property
    def row(self) -> tuple[bytes, int, bytes, bytes, bytes]:
        """What makes it the same in two trees."""
        return (self.kind, self.mode, self.digest, self.path, self.link)

    @property
    def line(self) -> bytes:
        """The member as a manifest names it."""
        head = b"%s %o %d %s %s\0" % (self.kind, self.mode, self.size, self.digest, self.path)
        return head + (self.link + b"\0" if self.kind == b"l" else b"")


class Unsafe(Exception):
    """A member would not lie where it should."""


def parsed(manifest: bytes) -> list[Member]:
    """The members that a manifest names. Raises Unsafe for one that would lie elsewhere."""
    words = iter(manifest.split(b"\0")[:-1])
    members = [_member(head, words) for head in words]
    names = {member.path for member in members}
    if len(names) < len(members):
        raise Unsafe("one name is there twice")
    for folder in {member.path.rpartition(b"/")[0] for member in members}:
        while folder:
            if folder in names:
                raise Unsafe(f"{os.fsdecode(folder)} is a folder and something else at once")
            folder = folder.rpartition(b"/")[0]
    return members


def _member(head: bytes, words: Iterator[bytes]) -> Member:
    try:
        kind, mode, size, digest, path = head.split(b" ", 4)
        permissions, length = int(mode, 8) & 0o777, int(size)
    except ValueError:
        raise Unsafe("the list of files is damaged") from None
    if kind not in (b"f", b"l"):
        raise Unsafe(f"{os.fsdecode(path)} is neither a file nor a link")
    parts = path.split(b"/")
    if any(part in (b"", b".", b"..") for part in parts):
        raise Unsafe(f"{os.fsdecode(path)} would lie outside of the tree")
    link = next(words, b"") if kind == b"l" else b""
    if kind == b"l" and leads_out(parts, link):
        raise Unsafe(f"{os.fsdecode(path)} would lead out of the tree")
    return Member(kind, permissions, length, digest, path, link)


def leads_out(parts: list[bytes], link: bytes) -> bool:
    """Whether a link leads out by its text; where it ends is looked at once the tree is whole."""
    if not link or link.startswith(b"/"):
        return True
    end = os.path.normpath(b"/".join([*parts[:-1], link]))
    return end.split(b"/")[0] == b".."
