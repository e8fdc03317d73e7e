"""Jobs for checks: started with a piece of Python, followed to their end, and never waited for in vain."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, field, frozen

from runctl_core.executor import JobExecutor
from runctl_core.models.jobs import Job, JobStatus
from runctl_core.sync import select
from runctl_core.testing.expect import until
from runctl_core.testing.fixtures import Fixtures

PYTHON = "python3"
"""The program that runs the checks' scripts on the machine."""

FOREVER = "import signal; print('ready', flush=True); [signal.pause() for _ in iter(int, 1)]"
"""A script that says that it began, and ends only when it is ended."""

_STEP = 1 << 20


@frozen
class JobRuns:
    """Runs the jobs of one check on one executor.

    Attributes:
        executor: What is checked.
        workdir: A directory on the machine in which jobs may run.
        timeout_s: How long anything may take before the check calls it never.
    """

    executor: JobExecutor = field(repr=False)
    workdir: str
    timeout_s: float

    def job(self, code: str, **changes: Any) -> Job:
        """A job that runs `code`; `changes` are fields of it."""
        name = f"kit-{uuid.uuid4().hex[:10]}-1"
        return evolve(Job(name, (PYTHON, "-u", "-c", code), self.workdir), **changes)

    def start(self, code: str, **changes: Any) -> str:
        """Start such a job."""
        return self.executor.start(self.job(code, **changes))

    def run(self, code: str, **changes: Any) -> tuple[str, JobStatus]:
        """Start such a job, and return its handle and how it ended."""
        handle = self.start(code, **changes)
        return handle, self.over(handle)

    def over(self, handle: str) -> JobStatus:
        """The job's status when it is over."""
        __tracebackhide__ = True

        def look() -> JobStatus | None:
            status = self.executor.status(handle)
            return status if status.phase.over else None

        return until(look, expected=f"the job {handle} over", timeout_s=self.timeout_s)

    def says(self, handle: str, words: bytes, *, times: int = 1) -> bytes:
        """The job's log when it has `words` in it, so many times. Asks for nothing but the log."""
        __tracebackhide__ = True

        def look() -> bytes:
            log = self.executor.logs(handle, 0)
            return log if log.count(words) >= times else b""

        return until(look, expected=f"{words!r} in the job's log", timeout_s=self.timeout_s)

    def log(self, handle: str) -> bytes:
        """The whole log as it is now."""
        return b"".join(self._pieces(handle))

    def _pieces(self, handle: str) -> Iterator[bytes]:
        offset = 0
        while piece := self.executor.logs(handle, offset, limit=_STEP):
            offset += len(piece)
            yield piece


class JobFixtures(Fixtures):
    """What checks of executors use."""

    def on(self, executor: JobExecutor, folder: Path) -> JobRuns:
        """Jobs on an executor; `folder` is a new one here, and its tree is where they run there."""
        folder.mkdir()
        (folder / "train.py").write_text("print('trained')\n")
        where = str(folder) if executor.shares_files else executor.sync(select(str(folder)))
        return JobRuns(executor, where, self.ready_s)

    @pytest.fixture
    def jobs(self, executor: JobExecutor, tmp_path: Path) -> JobRuns:
        """Jobs on `executor`."""
        return self.on(executor, tmp_path / "kit-code")
