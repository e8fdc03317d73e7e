"""The receipt: what ran, for how long, at what cost, how it ended, and where everything is.

Written as `receipt.json` beside the results when a run ends; `status` and `why` read it again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from runctl_core.checkpoints import find
from runctl_core.clock import iso
from runctl_core.errors import NotFound, StateError
from runctl_core.models.jobs import JobStatus, Usage
from runctl_core.models.runs import Run
from runctl_core.paths import run_dir, write_whole
from runctl_core.tracking import ResourceTracker
from runctl_core.training.collect import Collected, log_path
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
        "message": status.message,
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
    """What is known now, with what only the receipt knows once the run is over."""
    document: dict[str, Any] = {"outputs": [], "missing_outputs": [], "peak_memory_bytes": None}
    try:
        receipt = read_receipt(run.id) if run.state.over else {}
    except NotFound:
        receipt = {}
    return {**document, **receipt, **describe(tracker, run, plan)}


def describe(tracker: ResourceTracker, run: Run, plan: Plan) -> dict[str, Any]:
    """What is known of a run, live or over, as JSON-ready values: the shape of `status --json`."""
    cost = tracker.cost_of_run(run.id)
    return {
        "run": run.id,
        "name": run.name,
        "project": run.project,
        "owner": run.owner,
        "provider": run.provider,
        "resource": run.resource_id,
        "state": str(run.state),
        "attempt": run.attempt,
        "script": run.script,
        "command": list(plan.command),
        "environment": plan.kind,
        "workdir": plan.workdir,
        "created_at": iso(run.created_at),
        "started_at": run.started_at and iso(run.started_at),
        "ended_at": run.ended_at and iso(run.ended_at),
        "deadline": run.deadline and iso(run.deadline),
        "duration_s": _duration_s(run),
        "cost_usd": str(cost.usd),
        "cost_unknown_resources": cost.unknown,
        "hourly_usd": None if run.hourly_usd is None else str(run.hourly_usd),
        "exit_code": run.exit_code,
        "signal": run.signal,
        "ended_by": run.ended_by,
        "reason": run.reason,
        "resumed_from": run.resumed_from,
        "checkpoints": [_checkpoint(c) for c in find(plan.checkpoint_directory(run.id))],
        "checkpoint_dir": plan.checkpoint_directory(run.id),
        "log": log_path(run.id, run.attempt),
        "results": run_dir(run.id),
    }


def _duration_s(run: Run) -> float | None:
    if run.started_at is None or run.ended_at is None:
        return None
    return round((run.ended_at - run.started_at).total_seconds(), 3)


def _checkpoint(checkpoint: Any) -> dict[str, Any]:
    return {
        "path": checkpoint.path,
        "format": checkpoint.format,
        "step": checkpoint.step,
        "size_bytes": checkpoint.size_bytes,
        "complete": checkpoint.complete,
    }


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
