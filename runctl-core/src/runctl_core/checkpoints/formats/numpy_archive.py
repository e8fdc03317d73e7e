"""NumPy's `.npz`: a zip archive of arrays, each with a short header of its own."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from attrs import evolve

from runctl_core.checkpoints import zips
from runctl_core.models.checkpoints import Format, Look, TensorTotals

_MOST_HEADERS = 10_000
_HEADER_BYTES = 1024
_HEADER = re.compile(
    rb"\x93NUMPY[\1-\3]\0.{2,4}?\{'descr': '[<>|=]?([a-zA-Z]\d{1,5})', .*?'shape': \(([\d, ]{0,400})\)",
    re.DOTALL,
)
_KINDS = {"f": "float", "i": "int", "u": "uint", "c": "complex", "b": "bool", "S": "bytes", "U": "text"}


def _look(path: str) -> Look:
    try:
        return _of(zips.members(path))
    except zips.Damaged as error:
        return Look(False, str(error))


def _of(members: Mapping[str, zips.Member]) -> Look:
    return Look(True, framework="numpy", tensors=TensorTotals(len(members)))


def _study(path: str) -> Look:
    try:
        members = zips.members(path)
    except zips.Damaged as error:
        return Look(False, str(error))
    look = _of(members)
    if len(members) > _MOST_HEADERS:
        return look
    try:
        return evolve(look, tensors=TensorTotals.of(_arrays(path, members)))
    except (zips.Damaged, ValueError) as error:
        return evolve(look, details={"headers": f"not read: {error}"})


def array_bytes(head: bytes) -> int | None:
    """How many bytes a member has that begins so, its header included; None for no plain array."""
    found = _HEADER.match(head)
    if not found:
        return None
    begin, length = (10, head[8:10]) if head[6] == 1 else (12, head[8:12])
    _, _, size = _described(found)
    return begin + int.from_bytes(length, "little") + size


def _arrays(path: str, members: Mapping[str, zips.Member]) -> Iterator[tuple[str, int, int]]:
    for name, member in members.items():
        found = _HEADER.match(zips.content(path, name, member, _HEADER_BYTES))
        if not found:
            raise ValueError(f"{name[:200]!r} is no plain array")
        yield _described(found)


def _described(found: re.Match[bytes]) -> tuple[str, int, int]:
    """Type, count and bytes of the array that a header describes."""
    shape = [int(size) for size in found[2].decode().replace(" ", "").split(",") if size]
    count = math.prod(shape)
    kind = found[1].decode()
    width = int(kind[1:]) * (4 if kind[0] == "U" else 1)
    return _dtype(kind), count, count * width


def _dtype(kind: str) -> str:
    name = _KINDS.get(kind[0], kind[0])
    return name if kind[0] in "bSU" else f"{name}{int(kind[1:]) * 8}"


NPZ = Format("npz", _look, _study, suffixes=(".npz",))
