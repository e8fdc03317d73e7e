"""What the runner reads and writes, as our values: a job, its state, its samples, its processes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import fields

from runctl_core.models.jobs import EndedBy, JobPhase, JobStatus, Usage

if TYPE_CHECKING:
    from datetime import datetime

    from runctl_core.models.jobs import Job
    from runctl_core.models.processes import Process


def job_to_json(job: Job) -> dict[str, Any]:
    """A job as the runner takes it, without its secrets."""
    return {
        "id": job.id,
        "command": list(job.command),
        "setup": [list(argv) for argv in job.setup],
        "workdir": job.workdir,
        "env": dict(job.env),
        "resume_from": job.resume_from,
        "checkpoint_dir": job.checkpoint_dir,
        "deadline": job.deadline.timestamp() if job.deadline else None,
        "deadline_is_budget": job.deadline_is_budget,
        "idle_s": job.idle_s,
        "grace_s": job.grace_s,
    }


def status_from_json(data: bytes) -> JobStatus:
    """A state. Raises ValueError, KeyError or TypeError for one that the runner did not write."""
    raw = json.loads(data)
    return JobStatus(
        phase=JobPhase(raw["phase"]),
        pid=raw.get("pid"),
        exit_code=raw.get("exit_code"),
        signal=raw.get("signal"),
        ended_by=EndedBy(raw["ended_by"]) if raw.get("ended_by") else None,
        oom=bool(raw.get("oom")),
        started_at=_moment(raw.get("started_at")),
        running_at=_moment(raw.get("running_at")),
        ended_at=_moment(raw.get("ended_at")),
        heartbeat_at=_moment(raw.get("heartbeat_at")),
        log_bytes=raw.get("log_bytes", 0),
        checkpoint_dir=raw.get("checkpoint_dir"),
        message=raw.get("message", ""),
    )


def usage_from_json(row: dict[str, Any]) -> Usage:
    """A sample; what a later runner tells beyond what we know is passed over.

    Raises KeyError, TypeError, ValueError or OverflowError for one that no runner wrote.
    """
    from datetime import UTC, datetime

    known = {field.name for field in fields(Usage)}
    figures = {name: value for name, value in row.items() if name in known and value is not None}
    if not all(isinstance(value, int | float) for value in figures.values()):
        raise TypeError(row)
    return Usage(**{**figures, "at": datetime.fromtimestamp(figures["at"], UTC)})


def process_from_json(row: dict[str, Any]) -> Process:
    """A process, as the runner's program tells it."""
    from runctl_core.models.processes import Process

    return Process(**{**row, "command": tuple(row["command"])})


def _moment(seconds: float | None) -> datetime | None:
    if seconds is None:
        return None
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC)
