"""Zip archives, read to their end: each member is unpacked to nothing and held against its checksum.

A member that unpacks to more than it says, or to more than any checkpoint does, is left at that point: a
bomb costs no memory and little time.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping

from runctl_core.checkpoints import zips
from runctl_core.checkpoints.contents import Advance
from runctl_core.checkpoints.formats.numpy_archive import array_bytes
from runctl_core.checkpoints.regular import opened
from runctl_core.checkpoints.verdict import Finding
from runctl_core.checkpoints.zips import DEFLATED, STORED, Member

_READ_BYTES = 1 << 20
_MOST_RATIO = 200
"""Even zeros that a script compressed have other tensors beside them: no checkpoint shrinks by more."""

_SMALL_BYTES = 128 << 20
"""Less than this is unpacked whatever the ratio: it takes a quarter of a second."""


class _Wrong(Exception):
    """The member is damaged; the message says how."""


def check(path: str, file: str, advance: Advance, *, arrays: bool) -> Iterator[Finding]:
    """What is wrong with an archive, member by member. Raises OSError.

    Args:
        path: Where the file is.
        file: What findings call it.
        advance: Is told what was read.
        arrays: Whether its members are NumPy arrays, which say how long they are.
    """
    try:
        members = zips.members(path)
    except zips.Damaged as error:
        yield Finding(file, str(error))
        return
    size = sum(member.size_bytes for member in members.values())
    packed = os.path.getsize(path)
    if size > max(_SMALL_BYTES, _MOST_RATIO * packed):
        yield Finding(file, f"a zip bomb: it would unpack to {size} bytes, and has {packed}")
        return
    if _has_no_checksums(members):
        yield Finding(file, "it was written without checksums", damage=False)
    with opened(path) as archive:
        yield from _members(archive.fileno(), path, file, members, advance, arrays)


def _members(
    fd: int, path: str, file: str, members: Mapping[str, Member], advance: Advance, arrays: bool
) -> Iterator[Finding]:
    unsummed = _has_no_checksums(members)
    size = os.fstat(fd).st_size
    end, before = 0, ""
    for name, member in sorted(members.items(), key=lambda item: item[1].at):
        where = f"member {name[:300]}"
        if member.at < end:
            yield Finding(file, f"it lies on top of {before[:300]}", where)
        if member.method not in (STORED, DEFLATED):
            yield Finding(file, f"it is packed by method {member.method}, unknown here", where, damage=False)
            continue
        try:
            begin = zips.begin_of(fd, name, member, size)
            end, before = begin + member.packed_bytes, name
            found = _unpacked(fd, begin, member, advance)
            if found != member.crc32 and not unsummed:
                raise _Wrong(f"its checksum is {found:08x}, and should be {member.crc32:08x}")
            if arrays and name.endswith(".npy"):
                _require_array(path, name, member)
        except (_Wrong, zips.Damaged) as error:
            yield Finding(file, str(error), where)


def _has_no_checksums(members: Mapping[str, Member]) -> bool:
    """`torch.serialization.set_crc32_options(False)` writes zeros instead."""
    checksums = [member.crc32 for member in members.values() if member.size_bytes]
    return bool(checksums) and not any(checksums)


def _unpacked(fd: int, begin: int, member: Member, advance: Advance) -> int:
    """The checksum of a member's bytes, which are thrown away. Raises _Wrong."""
    pieces = _stored(fd, begin, member, advance)
    if member.method == DEFLATED:
        pieces = _inflated(pieces, member.size_bytes)
    crc32, size = 0, 0
    for piece in pieces:
        crc32 = zlib.crc32(piece, crc32)
        size += len(piece)
        if size > member.size_bytes:
            break
    if size != member.size_bytes:
        more = "more" if size > member.size_bytes else "less"
        raise _Wrong(f"it unpacks to {more} than the {member.size_bytes} bytes that it says")
    return crc32


def _stored(fd: int, begin: int, member: Member, advance: Advance) -> Iterator[bytes]:
    at, end = begin, begin + member.packed_bytes
    while at < end:
        data = os.pread(fd, min(_READ_BYTES, end - at), at)
        if not data:
            raise _Wrong("it is cut short")
        at += len(data)
        advance(len(data))
        yield data


def _inflated(pieces: Iterator[bytes], size_bytes: int) -> Iterator[bytes]:
    """In pieces of bounded size, however much one piece of input becomes."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in pieces:
            left = piece
            while left and not engine.eof:
                yield engine.decompress(left, _READ_BYTES)
                left = engine.unconsumed_tail
        while not engine.eof and (rest := engine.decompress(b"", _READ_BYTES)):
            yield rest
    except zlib.error as error:
        raise _Wrong(f"it cannot be unpacked: {error}") from error
    if not engine.eof:
        raise _Wrong(f"what is packed of its {size_bytes} bytes is cut short")


def _require_array(path: str, name: str, member: Member) -> None:
    """An array that says how long it is must be so long."""
    needed = array_bytes(zips.content(path, name, member, 4096))
    if needed is not None and needed != member.size_bytes:
        raise _Wrong(f"its array needs {needed} bytes, and it has {member.size_bytes}")
