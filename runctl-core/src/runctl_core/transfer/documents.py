"""The JSON of a transfer."""

from __future__ import annotations

from typing import Any

from runctl_core.transfer.carry import Prepared
from runctl_core.transfer.plan import Act


def of_transfer(prepared: Prepared, source: str, target: str, *, dry_run: bool) -> dict[str, Any]:
    """What was done with each file, or would be."""
    return {
        "source": source,
        "target": target,
        "dry_run": dry_run,
        "copied_bytes": sum(step.item.size_bytes for step in prepared.of(Act.COPY, Act.REPLACE)),
        "files": [
            {"path": step.name, "size_bytes": step.item.size_bytes, "action": str(step.act)}
            for step in prepared.steps
        ],
        "left_out": list(prepared.left_out),
    }
