"""PyTorch's distributed checkpoints, as FSDP writes them: `.metadata`, and a `.distcp` file of each rank.

`.metadata` is written last, and says which bytes of which file each tensor is in. It is a pickle, and
is read as data.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from typing import Any

from runctl_core.checkpoints.formats.folders import names_in
from runctl_core.checkpoints.regular import opened
from runctl_core.models.checkpoints import Format, Look, TensorTotals

_METADATA = ".metadata"


def _look(path: str) -> Look:
    names = names_in(path)
    if _METADATA not in names:
        return Look(False, "its .metadata is missing: it was still being written")
    from runctl_core.checkpoints import pickles

    with opened(os.path.join(path, _METADATA)) as file:
        data = file.read(pickles.MOST_BYTES + 1)
    try:
        root = pickles.read(io.BytesIO(data))
        needed = dict(_needed(root))
        tensors = _totals(root)
    except pickles.TooLong as error:
        return _without_metadata(path, names, str(error))
    except pickles.Unreadable as error:
        return Look(False, f"its .metadata cannot be read: {error}")
    if not needed:
        return Look(False, "its .metadata names no file")
    if problem := _lacking(path, names, needed):
        return Look(False, problem)
    return Look(True, framework="pytorch", tensors=tensors, details={"files": len(needed)})


def _lacking(path: str, names: set[str], needed: dict[str, int]) -> str:
    """What is missing of the bytes that are needed; empty for nothing."""
    for name, size in sorted(needed.items()):
        if name not in names:
            return f"missing: {name[:200]}"
        if (has := os.path.getsize(os.path.join(path, name))) < size:
            return f"{name[:200]} should have {size} bytes, and has {has}"
    return ""


def _without_metadata(path: str, names: set[str], why: str) -> Look:
    for name in sorted(names):
        if name.endswith(".distcp") and not os.path.getsize(os.path.join(path, name)):
            return Look(False, f"{name[:200]}: empty")
    return Look(True, f"not verified: its .metadata is not read here: {why}", framework="pytorch")


def _needed(root: Any) -> Iterator[tuple[str, int]]:
    """Each file, and how long it must be."""
    from runctl_core.checkpoints import pickles

    ends: dict[str, int] = {}
    for made in pickles.walk(root):
        if made.name.endswith(" _StorageInfo") and isinstance(made.state, dict):
            name, offset, length = (made.state.get(key) for key in ("relative_path", "offset", "length"))
            if not isinstance(name, str) or type(offset) is not int or type(length) is not int:
                raise pickles.Unreadable("a place that is none")
            ends[name] = max(ends.get(name, 0), offset + length)
    yield from ends.items()


def _totals(root: Any) -> TensorTotals:
    from runctl_core.checkpoints import pickles

    return TensorTotals.of(
        _tensor(made.state)
        for made in pickles.walk(root)
        if made.name.endswith(" TensorStorageMetadata") and isinstance(made.state, dict)
    )


def _tensor(state: dict[str, Any]) -> tuple[str, int, int]:
    """Type, count and bytes of one; the type is the first thing that its properties name."""
    from runctl_core.checkpoints import pickles
    from runctl_core.checkpoints.formats.pytorch_contents import width_of

    properties, size = state.get("properties"), state.get("size")
    named = _first(properties.state) if isinstance(properties, pickles.Made) else None
    dtype = named.text.removeprefix("torch ")[:40] if isinstance(named, pickles.Name) else "unknown"
    shape = _first(size.args) if isinstance(size, pickles.Made) else ()
    if not isinstance(shape, tuple) or len(shape) > 64 or not all(map(_is_size, shape)):
        raise pickles.Unreadable("a tensor of no shape")
    count = math.prod(shape)
    if not 0 <= count < 1 << 60:
        raise pickles.Unreadable("a tensor of no possible size")
    return dtype, count, count * width_of(dtype)


def _first(value: Any) -> Any:
    """The first of several; an empty tuple when they are none."""
    return next(iter(value), ()) if isinstance(value, tuple | list | dict) else ()


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 60


DISTRIBUTED = Format("distributed", _look, marks=("*.distcp",))
