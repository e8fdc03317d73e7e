"""Small JSON files beside a checkpoint, which anyone may have written: read with limits."""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Mapping
from typing import Any

LIMIT = 8 << 20
"""A larger side file is not read, in bytes."""

_MOST_NODES = 300_000
"""More lists and objects than this are not read: each takes up to 250 bytes of memory."""


class Unreadable(Exception):
    """It is no JSON object, or too large to be looked at; the message says which."""


def loaded(path: str) -> dict[str, Any]:
    """A JSON object. Raises Unreadable, OSError."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise Unreadable("it is no file")
    with open(path, "rb") as file:
        return parsed(file.read(LIMIT + 1))


def parsed(data: bytes) -> dict[str, Any]:
    """A JSON object, from its text. Raises Unreadable."""
    if len(data) > LIMIT or data.count(b"[") + data.count(b"{") > _MOST_NODES:
        raise Unreadable("it is too large to be looked at")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Unreadable("no JSON object")
    return value


def loaded_or_empty(path: str) -> dict[str, Any]:
    """A JSON object; an empty one for anything else."""
    try:
        return loaded(path)
    except (Unreadable, OSError):
        return {}


def number(values: Mapping[str, object], *names: str) -> int | None:
    """The first whole number of these names that is not negative."""
    for name in names:
        try:
            value = values[name]
            found = int(float(value if isinstance(value, int | float) else str(value)[:_LONGEST]))
        except (KeyError, ValueError, OverflowError):
            continue
        return found if found >= 0 else None
    return None


def finite(values: Mapping[str, object]) -> dict[str, float]:
    """The finite numbers by their names, and nothing for anything else: JSON has no infinity."""
    found = {}
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            continue
        try:
            read = float(value)
        except (ValueError, OverflowError):
            continue
        if math.isfinite(read):
            found[name] = read
    return found


def text(values: Mapping[str, object], name: str) -> str:
    """A short text by its name; empty for anything else."""
    value = values.get(name)
    return value[:200] if isinstance(value, str) else ""


def shown(values: Mapping[str, object]) -> dict[str, object]:
    """What a person may want to see of metadata: short texts and finite numbers, not too many."""
    found: dict[str, object] = {}
    for name, value in values.items():
        if len(found) == _MOST_SHOWN:
            break
        if isinstance(value, str):
            found[name[:_LONGEST]] = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
        elif isinstance(value, float):
            found.update({name[:_LONGEST]: value} if math.isfinite(value) else {})
        elif isinstance(value, int) and abs(value) < 1 << 53:
            found[name[:_LONGEST]] = value
    return found


_MOST_SHOWN, _LONGEST = 40, 200
