"""Zip archives, judged by their directory: nothing is unpacked, so a bomb is only a list of names.

The directory is read by hand: the standard library keeps an object of 600 bytes for each member.
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import BinaryIO

from attrs import frozen

from runctl_core.checkpoints.regular import opened

_DIRECTORY_LIMIT = 16 << 20
_MOST_MEMBERS = 100_000
"""More than this is no checkpoint's: a member is a tensor."""

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ENTRY = struct.Struct("<4s4xHH4xLLLHHH8xL")
_EXTRA = struct.Struct("<HH")
_END = struct.Struct("<4s6xHLLH")
_END_64 = struct.Struct("<4s28xQQQ")
_LOCATOR_64 = struct.Struct("<4s4xQ4x")
_LONGEST_COMMENT = 65535
_ENCRYPTED, STORED, DEFLATED = 1, 0, 8
_FULL = 0xFFFFFFFF


class Damaged(Exception):
    """The archive is not whole; the message says why."""


@frozen
class Member:
    """A member of an archive.

    Attributes:
        at: Where its local header begins.
        packed_bytes: How many bytes it takes in the archive.
        size_bytes: How many it says that it has unpacked.
        method: How it is packed, as zip numbers it.
        crc32: The checksum of what is unpacked.
    """

    at: int
    packed_bytes: int
    size_bytes: int
    method: int
    crc32: int


def members(path: str) -> dict[str, Member]:
    """The members of a whole archive by name. Raises Damaged, OSError."""
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            directory, count = _directory(file, size)
            found = _entries(directory, count)
            for name, member in found.items():
                begin_of(file.fileno(), name, member, size)
        except (struct.error, ValueError, OverflowError) as error:
            raise Damaged(f"its zip directory cannot be read: {error}") from error
    if not found or min(member.at for member in found.values()) > 0:
        raise Damaged("it does not begin with a member")
    return found


def content(path: str, name: str, member: Member, limit: int) -> bytes:
    """The first bytes of a member, at most `limit`, however much it claims. Raises Damaged, OSError."""
    with opened(path) as file:
        begin = begin_of(file.fileno(), name, member, os.fstat(file.fileno()).st_size)
        packed = os.pread(file.fileno(), min(limit, member.packed_bytes), begin)
    if member.method == STORED:
        return packed
    if member.method != DEFLATED:
        raise Damaged(f"{name!r} is packed in a way that is not known here")
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, limit)
    except zlib.error as error:
        raise Damaged(f"{name!r} cannot be unpacked: {error}") from error


def is_archive(path: str) -> bool:
    """Whether it begins or ends as one; also the first bytes of one, which are all that is there."""
    with opened(path) as file:
        head = file.read(4)
        file.seek(max(0, os.fstat(file.fileno()).st_size - _END.size))
        return (bool(head) and b"PK\3\4".startswith(head)) or file.read(4) == b"PK\5\6"


def _directory(file: BinaryIO, size: int) -> tuple[bytes, int]:
    """The directory, and how many entries it should have. The end record stands at the very end: one
    that is further up belongs to an archive inside."""
    begin = max(0, size - _END.size - _LONGEST_COMMENT)
    tail = os.pread(file.fileno(), size - begin, begin)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + _END.size > len(tail):
        raise Damaged("cut short: its zip directory is missing")
    _, count, length, start, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise Damaged("its end record is not at its end")
    end = begin + at
    if large := _end_64(file, end - _LOCATOR_64.size):
        count, length, start, end = large
    if length > min(size, _DIRECTORY_LIMIT) or count > _MOST_MEMBERS:
        raise Damaged(f"its zip directory claims {length} bytes and {count} members: more than is read here")
    if start + length != end:
        raise Damaged("its zip directory is not where it should be")
    return os.pread(file.fileno(), length, start), count


def _end_64(file: BinaryIO, locator_at: int) -> tuple[int, int, int, int] | None:
    """Count, length, start and end of the directory as the record for large archives has them."""
    if locator_at < 0:
        return None
    magic, at = _LOCATOR_64.unpack(os.pread(file.fileno(), _LOCATOR_64.size, locator_at))
    if magic != b"PK\6\7":
        return None
    magic, count, length, start = _END_64.unpack(os.pread(file.fileno(), _END_64.size, at))
    if magic != b"PK\6\6":
        raise Damaged("its zip directory is not where it should be")
    return count, length, start, at


def _entries(directory: bytes, count: int) -> dict[str, Member]:
    found, at, seen = {}, 0, 0
    while at < len(directory):
        magic, flags, method, crc32, packed, size, *lengths, offset = _ENTRY.unpack_from(directory, at)
        name_bytes, extra_bytes, comment_bytes = lengths
        if magic != b"PK\1\2" or flags & _ENCRYPTED:
            raise Damaged("an entry of its zip directory is damaged")
        at += _ENTRY.size
        name = directory[at : at + name_bytes].decode("utf-8" if flags & 0x800 else "cp437")
        extra = directory[at + name_bytes : at + name_bytes + extra_bytes]
        if _FULL in (packed, size, offset):
            size, packed, offset = _large(extra, size, packed, offset)
        found[name] = Member(offset, packed, size, method, crc32)
        at += name_bytes + extra_bytes + comment_bytes
        seen += 1
    if at != len(directory) or seen != count or len(found) != count:
        raise Damaged(f"its zip directory should have {count} members, and has {len(found)}")
    return found


def _large(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """Sizes and place that do not fit into 32 bits, from the field for them."""
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if kind == 1:
            numbers = iter(struct.unpack_from(f"<{length // 8}Q", extra, at))
            size, packed, offset = (
                next(numbers, value) if value == _FULL else value for value in (size, packed, offset)
            )
            break
        at += length
    return size, packed, offset


def begin_of(file: int, name: str, member: Member, size: int) -> int:
    """Where the bytes of a member begin. Raises Damaged when they are not all there."""
    magic, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(os.pread(file, _LOCAL_HEADER.size, member.at))
    if magic != b"PK\3\4":
        raise Damaged(f"{name!r} is not where the directory says")
    begin = member.at + _LOCAL_HEADER.size + int(name_bytes) + int(extra_bytes)
    if begin + member.packed_bytes > size:
        raise Damaged(f"{name!r} is cut short")
    return begin
