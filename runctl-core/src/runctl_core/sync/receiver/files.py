"""Writing a member's file, from what comes or from what is here."""

from __future__ import annotations

import os

from .indexes import row
from .members import UNKNOWN, Member, Unsafe

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib
    from collections.abc import Iterator
    from typing import BinaryIO

PIECE_BYTES = 1 << 16


class CutShort(Exception):
    """The sender is gone."""


def received(building: bytes, member: Member, given: BinaryIO) -> bytes:
    """Write a file as it comes, and say how it looks. Nothing when it is not what the manifest says: it
    changed meanwhile. A hash that comes after the content is of what was sent."""
    changed_ns = int.from_bytes(exactly(given, 8), "big", signed=True)
    if member.digest != UNKNOWN:
        return written(building, member, pieces(given, member.size), changed_ns)
    looks = put(building, member, pieces(given, member.size), changed_ns)
    member.digest = exactly(given, 64)
    return looks


def copied(building: bytes, member: Member, have: dict[bytes, bytes]) -> bytes:
    """Copy a content that is here already, and say how it looks. Nothing when it is gone, or is another one
    by now."""
    try:
        with open(have[member.digest], "rb", buffering=0) as file:
            changed_ns = os.fstat(file.fileno()).st_mtime_ns
            return written(building, member, iter(lambda: file.read(PIECE_BYTES), b""), changed_ns)
    except (KeyError, FileNotFoundError):
        return b""


def new_digest() -> hashlib._Hash:
    """The hash of nothing yet. Imported late: an unchanged tree needs no hash."""
    import hashlib

    return hashlib.sha256()


def written(building: bytes, member: Member, data: Iterator[bytes], changed_ns: int) -> bytes:
    """Write a file from its pieces, and say how it looks. Nothing, and no file, when the hash is another."""
    digest = new_digest()

    def read() -> Iterator[bytes]:
        for piece in data:
            digest.update(piece)
            yield piece

    looks = put(building, member, read(), changed_ns)
    if digest.hexdigest().encode() == member.digest:
        return looks
    os.unlink(building + b"/" + member.path)
    return b""


def put(building: bytes, member: Member, data: Iterator[bytes], changed_ns: int) -> bytes:
    """Write a file from its pieces, whatever they are, and say how it looks."""
    path = building + b"/" + member.path
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    fd = os.open(path, flags, 0o600)
    try:
        for piece in data:
            view = memoryview(piece)
            while view:
                view = view[os.write(fd, view) :]
        os.fchmod(fd, member.mode)
        os.utime(fd, ns=(changed_ns, changed_ns))
        return row(member.path, os.fstat(fd))
    finally:
        os.close(fd)


def pieces(given: BinaryIO, size: int) -> Iterator[bytes]:
    """So many bytes of what comes. Raises CutShort when there are fewer."""
    while size > 0:
        piece = given.read(min(size, PIECE_BYTES))
        if not piece:
            raise CutShort
        size -= len(piece)
        yield piece


def exactly(given: BinaryIO, size: int) -> bytes:
    """The same, at once."""
    data = given.read(size)
    if len(data) < size:
        raise CutShort
    return data


def name_in(given: BinaryIO) -> bytes:
    """What a tree is to be called. Raises Unsafe for what is no name."""
    name = exactly(given, 16)
    if not name.isalnum():
        raise Unsafe("the name of the files would lead elsewhere")
    return name


def sized(given: BinaryIO) -> bytes:
    """The same, after its length in 8 bytes."""
    return exactly(given, int.from_bytes(exactly(given, 8), "big"))


def hashed(path: bytes) -> bytes:
    """The hash of a file; empty when it cannot be read."""
    digest = new_digest()
    try:
        with open(path, "rb", buffering=0) as file:
            for piece in iter(lambda: file.read(PIECE_BYTES), b""):
                digest.update(piece)
    except OSError:
        return b""
    return digest.hexdigest().encode()
