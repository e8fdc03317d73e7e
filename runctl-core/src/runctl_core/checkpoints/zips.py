"""Zip archives, judged by their directory: nothing is unpacked, so a bomb is only a list of names."""

from __future__ import annotations

import os
import struct
import zipfile

_DIRECTORY_LIMIT = 64 << 20
"""A directory larger than this is no checkpoint's, in bytes."""

_LOCAL_HEADER = struct.Struct("<4s22xHH")


def damage(path: str) -> str:
    """Why the archive is not whole; an empty text when it is."""
    try:
        return _first_damage(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OverflowError) as error:
        return f"its zip directory cannot be read: {error}"


def member_sizes(path: str) -> dict[str, int]:
    """Names and sizes of the members. Raises zipfile.BadZipFile."""
    with zipfile.ZipFile(path) as archive:
        return {info.filename: info.file_size for info in archive.infolist()}


def _first_damage(path: str) -> str:
    size = os.path.getsize(path)
    if _directory_bytes(path, size) > min(size, _DIRECTORY_LIMIT):
        return "its zip directory claims more than there is"
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        infos = archive.infolist()
        if not infos:
            return "no member in it"
        for info in infos:
            file.seek(info.header_offset)
            header = file.read(_LOCAL_HEADER.size)
            if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\x03\x04":
                return f"{info.filename!r} is not where the directory says"
            _, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
            begin = info.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes
            if begin + info.compress_size > size:
                return f"{info.filename!r} is cut short"
    return ""


def _directory_bytes(path: str, size: int) -> int:
    """What the end record says of the directory's size; 0 when there is none to be read here."""
    with open(path, "rb") as file:
        file.seek(max(0, size - 22 - 65535))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + 22 > len(tail):
        return 0
    claimed: int = struct.unpack_from("<I", tail, at + 12)[0]
    return 0 if claimed == 0xFFFFFFFF else claimed
