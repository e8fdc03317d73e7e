"""A selection as JSON-ready values; `docs/reference/json.md` has the fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runctl_core.sync.missed import Missed
from runctl_core.sync.selection import Selection


def of_selection(selection: Selection, missed: Sequence[Missed]) -> dict[str, Any]:
    """What goes to a machine, and what does not."""
    return {
        "root": selection.root,
        "commit": selection.commit,
        "dirty": selection.dirty,
        "size_bytes": selection.size_bytes,
        "files": [
            {
                "path": entry.path,
                "size_bytes": entry.size_bytes,
                "mode": f"{entry.mode:04o}",
                "link": entry.link,
            }
            for entry in selection.files
        ],
        "left_out": [
            {"path": left.path, "reason": left.reason, "rule": left.rule} for left in selection.left_out
        ],
        "missed": [{"path": found.path, "line": found.line} for found in missed],
    }
