"""Files that do not tell whether they are whole: pickles, and what no reader here knows."""

from __future__ import annotations

import os

from runctl_core.checkpoints.regular import opened
from runctl_core.models.checkpoints import Format, Look


def unverifiable(path: str, why: str) -> Look:
    """Whole as far as anyone can tell, unless nothing was ever written to it."""
    with opened(path) as file:
        head = file.read(4096)
    if not any(head):
        return Look(False, "nothing but zeros: it was never written out" if head else "empty")
    return Look(True, f"not verified: {why}")


def _pickle(path: str) -> Look:
    """Its last byte is known, and so is that no pickle is shorter than four."""
    size = os.path.getsize(path)
    with opened(path) as file:
        head = file.read(1)
        file.seek(max(0, size - 1))
        if head == b"\x80" and (size < 4 or file.read(1) != b"."):
            return Look(False, "cut short: a pickle ends in a full stop")
    return unverifiable(path, "a pickle is never opened here")


PICKLE = Format("pickle", _pickle, suffixes=(".pkl", ".pickle", ".joblib"))
