"""The receipt: what ran, for how long, at what cost, how it ended, and where everything is.

Written as `receipt.json` beside the results when a run ends; `status` and `why` read it again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from runctl_core.checkpoints import find
from runctl_core.errors import NotFound, StateError
from runctl_core.fields import money, of_total
from runctl_core.models.jobs import JobStatus, Usage
from runctl_core.models.runs import Run
from runctl_core.paths import run_dir, write_whole
from runctl_core.tracking import ResourceTracker
from runctl_core.training import documents
from runctl_core.training.begin import read_commit
from runctl_core.training.collect import Collected
from runctl_core.training.kept_log import log_path
from runctl_core.training.plan import Plan


def receipt_path(run_id: str) -> str:
    """Where a run's receipt is."""
    return os.path.join(run_dir(run_id), "receipt.json")


def write_receipt(
    tracker: ResourceTracker,
    run: Run,
    plan: Plan,
    status: JobStatus,
    collected: Collected,
    samples: Sequence[Usage],
) -> None:
    """Write the receipt of a run that is over. Raises StateError when the disk does not take it."""
    document = {
        **describe(tracker, run, plan),
        "out_of_memory": status.oom,
        "outputs": [_file(path) for path in collected.outputs],
        "missing_outputs": list(collected.missing),
        "peak_memory_bytes": max((sample.memory_bytes for sample in samples), default=None),
    }
    path = receipt_path(run.id)
    try:
        write_whole(path, [json.dumps(document, indent=2).encode() + b"\n"])
    except OSError as error:
        raise StateError(
            f"the receipt of {run.id} could not be written",
            why=f"{error.strerror}: {path}",
            fix=f"make room, then: runctl status {run.id}",
        ) from error


def read_receipt(run_id: str) -> dict[str, Any]:
    """The receipt of a run. Raises NotFound when there is none (yet)."""
    try:
        with open(receipt_path(run_id), encoding="utf-8") as file:
            document: dict[str, Any] = json.load(file)
            return document
    except (OSError, ValueError) as error:
        raise NotFound(f"no receipt of {run_id}", why=str(error)) from error


def current(tracker: ResourceTracker, run: Run, plan: Plan) -> dict[str, Any]:
    """What is known now, with what only the receipt knows once the run is over.

    The document of `train`, `resume`, `attach`, `stop` and `status`.
    """
    nothing: dict[str, Any] = {
        "outputs": [],
        "missing_outputs": [],
        "out_of_memory": None,
        "peak_memory_bytes": None,
        "usage": None,
        "warnings": [],
    }
    try:
        receipt = read_receipt(run.id) if run.state.over else {}
    except NotFound:
        receipt = {}
    known = describe(tracker, run, plan)
    return {**known, **nothing, **receipt, **known}


def describe(tracker: ResourceTracker, run: Run, plan: Plan) -> dict[str, Any]:
    """What the books and the disk know of a run, live or over, as JSON-ready values."""
    return {
        **documents.of_run(run),
        "command": list(plan.command),
        "environment": plan.kind,
        "commit": read_commit(run.id),
        "duration_s": _duration_s(run),
        **of_total(tracker.cost_of_run(run.id)),
        "budget_usd": money(plan.budget_usd),
        "checkpoints": [documents.of_checkpoint(c) for c in find(plan.checkpoint_directory(run.id))],
        "checkpoint_dir": plan.checkpoint_directory(run.id),
        "log": log_path(run.id, run.attempt),
        "results": run_dir(run.id),
        "receipt": receipt_path(run.id),
        "changes": [documents.of_change(change) for change in tracker.changes(run.id)],
    }


def _duration_s(run: Run) -> float | None:
    if run.started_at is None or run.ended_at is None:
        return None
    return round((run.ended_at - run.started_at).total_seconds(), 3)


def _file(path: str) -> dict[str, Any]:
    return {"path": path, "size_bytes": _size(path)}


def _size(path: str) -> int:
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(
        os.path.getsize(os.path.join(folder, name))
        for folder, _, names in os.walk(path)
        for name in names
        if os.path.exists(os.path.join(folder, name))
    )
