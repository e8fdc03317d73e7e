"""The jobs of a fake job service: each really runs in a folder of its own, and is reached by the API alone.

A job that is created is reserved; its code comes as a tar, and then it is started, once.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

from runctl_core.errors import NotFound, RunctlError
from runctl_core.executor import LogName
from runctl_core.models.jobs import Job, JobPhase, JobStatus
from runctl_core.runner_executor import RunnerExecutor
from runctl_core.testing.fakes.errors import CloudError
from runctl_core.testing.fakes.sandbox import Sandbox
from runctl_core.testing.fakes.transport import SandboxTransport

NOT_STARTED = JobStatus(JobPhase.STARTING)


class ReservedJob:
    """One job.

    Args:
        job_id: The service's id of it.
        sandbox: Where it runs.
    """

    def __init__(self, job_id: str, sandbox: Sandbox) -> None:
        self._id = job_id
        self._sandbox = sandbox
        self._executor = RunnerExecutor(SandboxTransport(job_id, sandbox), str(sandbox.home / ".jobs"))

    @property
    def handle(self) -> str | None:
        """The id that it was started with; None before."""
        try:
            return (self._sandbox.folder / "handle").read_text()
        except FileNotFoundError:
            return None

    def unpack(self, archive: IO[bytes], name: str) -> str:
        """Put a tar's files in the place of the `code` or the `checkpoint`; returns that folder's path."""
        coming = Path(tempfile.mkdtemp(dir=self._sandbox.folder))
        try:
            with tarfile.open(fileobj=archive) as tar:
                tar.extractall(coming, filter="tar")  # refuses what would leave the folder
        except (tarfile.TarError, OSError) as error:
            shutil.rmtree(coming, ignore_errors=True)
            raise CloudError("invalid", f"the {name} is no tar: {error}") from error
        target = self._sandbox.home / name
        shutil.rmtree(target, ignore_errors=True)
        coming.rename(target)
        return str(target)

    def start(self, document: dict[str, Any]) -> None:
        """Start it. Idempotent by the document's `id`."""
        try:
            job = _job(document, str(self._sandbox.home))
        except (KeyError, TypeError, ValueError) as error:
            raise CloudError("invalid", f"this is no job: {error!r}") from error
        if self.handle not in (None, job.id):
            raise CloudError("bad_state", f"{self._id} was started already")
        (self._sandbox.folder / "handle").write_text(job.id)
        self._executor.start(job)

    def row(self) -> dict[str, Any]:
        """What is known of it, beside what is known of every resource."""
        handle, status = self.handle, NOT_STARTED
        if handle is not None and self._sandbox.on:
            try:
                status = self._executor.status(handle)
            except RunctlError:
                status = NOT_STARTED  # it is being started, or ended, at this very moment
        return job_row(handle, status)

    def log(self, offset: int, limit: int, name: str) -> bytes:
        """A part of the `job`'s log, or of its `setup`'s."""
        if name not in ("job", "setup") or offset < 0 or limit < 0:
            raise CloudError("invalid", "a log is job or setup, from an offset on")
        try:
            return self._executor.logs(self._started(), offset, limit=limit, log=cast(LogName, name))
        except NotFound:
            return b""

    def cancel(self, grace_s: float) -> None:
        """End it: SIGTERM, so many seconds, SIGKILL."""
        self._executor.cancel(self._started(), grace_s)

    def pack(self, path: str, archive: IO[bytes]) -> None:
        """Write a tar of a file or folder, which has one thing at its top."""
        with tempfile.TemporaryDirectory(dir=self._sandbox.folder) as folder:
            name = os.path.basename(path.rstrip("/")) or "."
            target = os.path.join(folder, "it")
            try:
                self._executor.fetch(self._started(), path, target)
            except NotFound as error:
                raise CloudError("not_found", error.summary) from error
            with tarfile.open(fileobj=archive, mode="w") as tar:
                tar.add(target, "it" if name in (".", "..") else name)

    def _started(self) -> str:
        if self.handle is None:
            raise CloudError("not_found", f"{self._id} was not started")
        return self.handle


def job_row(handle: str | None, status: JobStatus = NOT_STARTED) -> dict[str, Any]:
    """What a service says of a job alone; all of it unknown for one that was not started."""
    return {
        "handle": handle,
        "phase": status.phase.value,
        "exit_code": status.exit_code,
        "signal": status.signal,
        "ended_by": status.ended_by.value if status.ended_by else None,
        "started_at": _text(status.started_at),
        "running_at": _text(status.running_at),
        "ended_at": _text(status.ended_at),
        "heartbeat_at": _text(status.heartbeat_at),
        "log_bytes": status.log_bytes,
        "checkpoint_dir": status.checkpoint_dir,
        "message": status.message,
    }


def _job(document: dict[str, Any], home: str) -> Job:
    deadline = document.get("deadline")
    return Job(
        id=str(document["id"]),
        command=tuple(document["command"]),
        setup=tuple(tuple(argv) for argv in document.get("setup") or ()),
        workdir=os.path.join(home, document.get("workdir") or "code"),
        env=dict(document.get("env") or {}),
        secrets=dict(document.get("secrets") or {}),
        checkpoint_dir=document.get("checkpoint_dir"),
        resume_from=document.get("resume_from"),
        deadline=datetime.fromisoformat(deadline) if deadline else None,
        deadline_is_budget=bool(document.get("deadline_is_budget")),
        idle_s=float(document.get("idle_s") or 0),
        grace_s=float(document.get("grace_s", 10)),
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
