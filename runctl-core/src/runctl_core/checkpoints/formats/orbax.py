"""Orbax: a folder for each step, with JSON beside the arrays.

An unfinished one is named so; where the store cannot rename, `commit_success.txt` is written last.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from runctl_core.checkpoints import sidefiles
from runctl_core.checkpoints.formats.folders import MOST_NAMES, names_in
from runctl_core.checkpoints.naming import step_in
from runctl_core.checkpoints.regular import opened
from runctl_core.models.checkpoints import Format, Look, TensorTotals

UNFINISHED = ".orbax-checkpoint-tmp"
_CHECKPOINT, _ITEM, _INDEX, _COMMITTED = (
    "_CHECKPOINT_METADATA",
    "_METADATA",
    "manifest.ocdbt",
    "commit_success.txt",
)
_INDEX_HEAD = struct.Struct("<4sQ")
_INDEX_MAGIC = b"\x0c\xdb\x3a\x2a"
_MOST_ITEMS = 100


def _look(path: str) -> Look:
    name = os.path.basename(path)
    if UNFINISHED in name:
        return Look(False, "it was still being written", step=step_in(name.partition(".")[0]))
    names = names_in(path)
    try:
        metadata = _document(path, _CHECKPOINT) if _CHECKPOINT in names else {}
        items = _items(path, names, metadata)
        if problem := _problem(path, names, metadata, items):
            return Look(False, problem)
        tensors = [tensors for item in items if (tensors := _tensors(item))]
    except _Damaged as error:
        return Look(False, str(error))
    return Look(
        True,
        step=_step(path),
        metrics=sidefiles.finite(sidefiles.loaded_or_empty(os.path.join(path, "metrics", "metrics"))),
        framework="orbax",
        tensors=sum(tensors[1:], tensors[0]) if tensors else None,
        details={"items": [os.path.basename(item) for item in items]} if items != [path] else {},
    )


class _Damaged(Exception):
    """The message says how."""


def _step(path: str) -> int | None:
    """The number that the folder is called, or the one around an item of it."""
    return next(
        (int(name) for name in path.split(os.sep)[:-3:-1] if name.isascii() and name.isdecimal()), None
    )


def _items(path: str, names: set[str], metadata: Mapping[str, Any]) -> list[str]:
    """What is saved in it: one thing in the folder itself, or several in folders of their own."""
    if names & {_ITEM, _INDEX}:
        return [path]
    handlers = metadata.get("item_handlers")
    listed = sorted(handlers)[:_MOST_ITEMS] if isinstance(handlers, dict) else sorted(names)[:_MOST_ITEMS]
    return [os.path.join(path, name) for name in listed if _is_item(path, name)]


def _is_item(path: str, name: str) -> bool:
    inside = os.path.basename(name) == name
    return inside and name not in (_CHECKPOINT, _COMMITTED) and os.path.isdir(os.path.join(path, name))


def _problem(path: str, names: set[str], metadata: Mapping[str, Any], items: list[str]) -> str:
    handlers = metadata.get("item_handlers")
    for name in sorted(handlers)[:_MOST_ITEMS] if isinstance(handlers, dict) and items != [path] else ():
        if os.path.join(path, name) not in items:
            return f"missing: {name[:200]}"
    if not items:
        return "nothing is in it"
    committed = [item for item in items if item != path and os.path.exists(os.path.join(item, _COMMITTED))]
    pending = committed or ("commit_timestamp_nsecs" in metadata and not metadata["commit_timestamp_nsecs"])
    if pending and _COMMITTED not in names:
        return f"its {_COMMITTED} is missing: it was still being written"
    found = ((item, _item_problem(item)) for item in items)
    return next((p if i == path else f"{os.path.basename(i)}: {p}" for i, p in found if p), "")


def _item_problem(item: str) -> str:
    """What is wrong with one thing: its index says how long it is, and no file of its data is empty."""
    names = names_in(item)
    if not names:
        return "nothing is in it"
    metadata = _document(item, _ITEM) if _ITEM in names else {}
    if _INDEX in names:
        return _index_problem(item)
    if metadata.get("use_ocdbt"):
        return f"its {_INDEX} is missing"
    arrays = (".".join(keys) for keys, _ in _arrays(metadata))
    return next((f"missing: {name[:200]}" for name in arrays if name not in names), "")


def _index_problem(item: str) -> str:
    with opened(os.path.join(item, _INDEX)) as file:
        size, head = os.fstat(file.fileno()).st_size, file.read(_INDEX_HEAD.size)
    if len(head) < _INDEX_HEAD.size or _INDEX_HEAD.unpack(head) != (_INDEX_MAGIC, size):
        return f"its {_INDEX} is damaged or cut short"
    data = os.path.join(item, "d")
    if not os.path.isdir(data):
        return "its data is missing"
    with os.scandir(data) as files:
        empty = (file.name for file in islice(files, MOST_NAMES) if not file.stat().st_size)
        return next((f"d/{name[:200]}: empty" for name in empty), "")


def _tensors(item: str) -> TensorTotals | None:
    """How many arrays, and how many numbers where one process wrote them: of several, each notes its part."""
    shapes = [shape for _, shape in _arrays(sidefiles.loaded_or_empty(os.path.join(item, _ITEM)))]
    if not shapes:
        return None
    alone = not os.path.exists(os.path.join(item, "array_metadatas", "process_1"))
    counts = [_count(shape) for shape in shapes] if alone else [None]
    return TensorTotals(len(shapes), None if None in counts else sum(n for n in counts if n is not None))


def _arrays(metadata: Mapping[str, Any]) -> Iterator[tuple[list[str], object]]:
    """The names that lead to each array, and its shape as it was written."""
    tree = metadata.get("tree_metadata")
    for row in tree.values() if isinstance(tree, dict) else ():
        value = row.get("value_metadata") if isinstance(row, dict) else None
        keys = row.get("key_metadata") if isinstance(row, dict) else None
        if isinstance(value, dict) and "rray" in str(value.get("value_type"))[:40]:
            names = [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
            yield [str(key.get("key"))[:300] for key in names], value.get("write_shape")


def _count(shape: object) -> int | None:
    if not isinstance(shape, list) or len(shape) > 64 or not all(type(n) is int for n in shape):
        return None
    count = math.prod(shape)
    return count if 0 <= count < 1 << 60 else None


def _document(folder: str, name: str) -> dict[str, Any]:
    try:
        return sidefiles.loaded(os.path.join(folder, name))
    except sidefiles.TooLarge:
        return {}
    except sidefiles.Unreadable as error:
        raise _Damaged(f"{name}: {error}") from error


ORBAX = Format("orbax", _look, marks=(_CHECKPOINT, _ITEM, _INDEX, _COMMITTED))
