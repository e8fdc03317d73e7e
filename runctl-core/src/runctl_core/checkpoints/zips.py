"""Zip archives, judged by their directory: nothing is unpacked, so a bomb is only a list of names."""

from __future__ import annotations

import os
import struct
import zipfile
from typing import BinaryIO

_DIRECTORY_LIMIT = 16 << 20
"""A directory larger than this is no checkpoint's, in bytes: it would list over 100,000 tensors."""

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_END = struct.Struct("<4s8xIIH")
_END_64 = struct.Struct("<4s36xQ8x")
_LOCATOR_64 = struct.Struct("<4s4xQ4x")
_LONGEST_COMMENT = 65535


class Damaged(Exception):
    """The archive is not whole; the message says why."""


def member_sizes(path: str) -> dict[str, int]:
    """Names and sizes of the members of a whole archive. Raises Damaged, OSError."""
    size = os.path.getsize(path)
    try:
        with open(path, "rb") as file:
            _require_end(file, size)
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
            for member in members:
                _require_whole(file, member, size)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OverflowError) as error:
        raise Damaged(f"its zip directory cannot be read: {error}") from error
    if not members or min(member.header_offset for member in members) > 0:
        raise Damaged("it does not begin with a member")
    return {member.filename: member.file_size for member in members}


def _require_end(file: BinaryIO, size: int) -> None:
    """The end record stands at the very end: one that is further up belongs to an archive inside."""
    begin = max(0, size - _END.size - _LONGEST_COMMENT)
    file.seek(begin)
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + _END.size > len(tail):
        raise Damaged("cut short: its zip directory is missing")
    _, claimed, _, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise Damaged("its end record is not at its end")
    claimed = max(_claimed_64(file, begin + at - _LOCATOR_64.size), claimed % 0xFFFFFFFF)
    if claimed > min(size, _DIRECTORY_LIMIT):
        raise Damaged(f"its zip directory claims {claimed} bytes, and the file has {size}")


def _claimed_64(file: BinaryIO, locator_at: int) -> int:
    """The directory's size as the record for large archives has it; 0 without one."""
    file.seek(max(0, locator_at))
    locator, at = _LOCATOR_64.unpack(file.read(_LOCATOR_64.size))
    if locator_at < 0 or locator != b"PK\6\7":
        return 0
    file.seek(at)
    magic, claimed = _END_64.unpack(file.read(_END_64.size))
    if magic != b"PK\6\6":
        raise Damaged("its zip directory is not where it should be")
    return int(claimed)


def _require_whole(file: BinaryIO, member: zipfile.ZipInfo, size: int) -> None:
    file.seek(member.header_offset)
    magic, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    if magic != b"PK\3\4":
        raise Damaged(f"{member.filename!r} is not where the directory says")
    begin = member.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes
    if begin + member.compress_size > size:
        raise Damaged(f"{member.filename!r} is cut short")
