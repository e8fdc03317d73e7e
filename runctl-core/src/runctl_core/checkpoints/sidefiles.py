"""Small JSON files beside a checkpoint, which anyone may have written: read with limits."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

from runctl_core.checkpoints.regular import opened

LIMIT = 16 << 20
"""A larger document is not read, in bytes."""

_MOST_VALUES = 700_000
"""Nor is one of more values, a list or object counted twice: each takes up to 130 bytes of memory."""


class Unreadable(Exception):
    """It is no JSON object; the message says why."""


class TooLarge(Unreadable):
    """It is larger than what is read here, and may be whole."""


def loaded(path: str) -> dict[str, Any]:
    """A JSON object. Raises Unreadable, TooLarge, OSError."""
    with opened(path) as file:
        return parsed(file.read(LIMIT + 1))


def parsed(data: bytes) -> dict[str, Any]:
    """A JSON object, from its text. Raises Unreadable, TooLarge."""
    values = data.count(b",") + 2 * (data.count(b"[") + data.count(b"{"))
    if len(data) > LIMIT or values > _MOST_VALUES:
        raise TooLarge("larger than what is read here")
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


STEPS = ("global_step", "step", "global_steps", "iteration", "iter", "ss_steps")
EPOCHS = ("epoch", "ss_epoch")
"""How training scripts call them."""


def shown(values: Mapping[str, object], told: Collection[str] = ()) -> dict[str, object]:
    """What else a person may want to see of metadata: short texts and finite numbers, not too many.

    Args:
        values: The metadata.
        told: Names of what is shown elsewhere, beside steps and epochs.
    """
    found: dict[str, object] = {}
    for name, value in values.items():
        if len(found) == _MOST_SHOWN:
            break
        if name in told or name in STEPS or name in EPOCHS:
            continue
        if isinstance(value, str):
            found[name[:_LONGEST]] = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
        elif isinstance(value, float):
            found.update({name[:_LONGEST]: value} if math.isfinite(value) else {})
        elif isinstance(value, int) and abs(value) < 1 << 53:
            found[name[:_LONGEST]] = value
    return found


_MOST_SHOWN, _LONGEST = 40, 200
