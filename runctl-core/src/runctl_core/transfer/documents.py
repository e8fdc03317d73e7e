"""The JSON of a transfer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runctl_core.transfer.carry import Prepared
from runctl_core.transfer.plan import Act


def of_transfer(prepared: Sequence[Prepared], source: str, target: str, *, dry_run: bool) -> dict[str, Any]:
    """What was done with each file, or would be."""
    steps = [step for one in prepared for step in one.steps]
    return {
        "source": source,
        "target": target,
        "dry_run": dry_run,
        "copied_bytes": sum(step.item.size_bytes for step in steps if step.act is not Act.SKIP),
        "files": [
            {"path": step.name, "size_bytes": step.item.size_bytes, "action": str(step.act)} for step in steps
        ],
        "left_out": [what for one in prepared for what in one.left_out],
    }
