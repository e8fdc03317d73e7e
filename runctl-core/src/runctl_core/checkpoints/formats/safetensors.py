"""safetensors: a header of JSON says where each tensor is, and so how long the file must be."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from runctl_core.checkpoints import sidefiles
from runctl_core.checkpoints.regular import opened
from runctl_core.models.checkpoints import Format, Look, TensorTotals

_HEADER_LIMIT = 100 << 20
"""The format's own limit of a header, in bytes; less is read."""

_FRAMEWORKS = {"pt": "pytorch", "tf": "tensorflow", "flax": "flax", "np": "numpy", "mlx": "mlx"}
_DTYPES = {
    "BOOL": ("bool", 8),
    "U8": ("uint8", 8),
    "I8": ("int8", 8),
    "F8_E5M2": ("float8_e5m2", 8),
    "F8_E4M3": ("float8_e4m3fn", 8),
    "F8_E8M0": ("float8_e8m0fnu", 8),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 8),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", 8),
    "F4": ("float4_e2m1fn_x2", 4),
    "F6_E2M3": ("float6_e2m3fn", 6),
    "F6_E3M2": ("float6_e3m2fn", 6),
    "I16": ("int16", 16),
    "U16": ("uint16", 16),
    "F16": ("float16", 16),
    "BF16": ("bfloat16", 16),
    "I32": ("int32", 32),
    "U32": ("uint32", 32),
    "F32": ("float32", 32),
    "C64": ("complex64", 64),
    "I64": ("int64", 64),
    "U64": ("uint64", 64),
    "F64": ("float64", 64),
}
"""The format's names of types, ours, and the bits of one number."""


_MOST_DIMENSIONS = 64
_METADATA = "__metadata__"


class _Damaged(Exception):
    """The message says how."""


def tensor_names(path: str) -> set[str]:
    """The names of the tensors that a header has. Raises sidefiles.Unreadable, OSError."""
    with opened(path) as file:
        (length,) = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))
        return sidefiles.parsed(file.read(min(length, sidefiles.LIMIT + 1))).keys() - {_METADATA}


def _look(path: str) -> Look:
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(8)
        if len(head) < 8:
            return Look(False, "shorter than its own header")
        (length,) = struct.unpack("<Q", head)
        if length > min(_HEADER_LIMIT, size - 8):
            return Look(False, f"its header claims {length} bytes, and the file has {size}")
        data = file.read(min(length, sidefiles.LIMIT + 1))
    try:
        return _described(data, size - 8 - length)
    except sidefiles.TooLarge as error:
        return Look(True, f"not verified: its header is {error}")


def _described(data: bytes, body_bytes: int) -> Look:
    try:
        header = sidefiles.parsed(data)
        metadata = header.pop(_METADATA, {})
        rows = sorted(_rows(header))
    except sidefiles.TooLarge:
        raise
    except (sidefiles.Unreadable, _Damaged) as error:
        return Look(False, f"its header is damaged: {error}")
    if not isinstance(metadata, dict):
        return Look(False, "its header is damaged: its metadata is no object")
    end = 0
    for begin, after, *_ in rows:
        if begin != end:
            return Look(False, f"its header is damaged: a tensor begins at {begin}, and not at {end}")
        end = after
    if end != body_bytes:
        return Look(False, f"its tensors need {end} bytes, and {body_bytes} are there")
    totals = TensorTotals.of((dtype, count, after - begin) for begin, after, dtype, count in rows)
    return _with_metadata(totals, metadata)


def _rows(header: Mapping[str, Any]) -> Iterator[tuple[int, int, str, int]]:
    """Where each tensor begins and ends, its type, and how many numbers it has."""
    for name, row in header.items():
        try:
            begin, end = row["data_offsets"]
            shape = list(row["shape"])
            dtype, bits = _DTYPES.get(row["dtype"], (str(row["dtype"])[:40].lower(), 0))
        except (TypeError, LookupError, ValueError) as error:
            raise _Damaged(f"{name[:200]!r} has no place, shape or type") from error
        sizes = (begin, end, *shape[: _MOST_DIMENSIONS + 1])
        if len(shape) > _MOST_DIMENSIONS or not all(map(_is_size, sizes)) or end < begin:
            raise _Damaged(f"{name[:200]!r} is in no place")
        count = math.prod(shape)
        if bits and count * bits != (end - begin) * 8:
            raise _Damaged(f"{name[:200]!r} does not fit its place")
        yield begin, end, dtype, count


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def _with_metadata(totals: TensorTotals, metadata: Mapping[str, object]) -> Look:
    version = next((sidefiles.text(metadata, key) for key in _VERSIONS if key in metadata), "")
    return Look(
        True,
        step=sidefiles.number(metadata, *sidefiles.STEPS),
        epoch=sidefiles.number(metadata, *sidefiles.EPOCHS),
        framework=_FRAMEWORKS.get(sidefiles.text(metadata, "format"), sidefiles.text(metadata, "format")),
        framework_version=version,
        tensors=totals,
        details=sidefiles.shown(metadata, ("format", *_VERSIONS)),
    )


_VERSIONS = ("torch_version", "framework_version", "version")

SAFETENSORS = Format("safetensors", _look, suffixes=(".safetensors",))
