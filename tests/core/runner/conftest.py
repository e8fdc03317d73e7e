"""Jobs on this computer, each test with a root of its own, and no process left after it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from runctl_core.models.jobs import Job, JobStatus
from runctl_core.runner_executor import RunnerExecutor
from runctl_core.transport.local import LocalTransport


def eventually(what: str, happened: Callable[[], Any], timeout_s: float = 15.0) -> Any:
    """Poll until `happened` returns something true, and return it."""
    deadline = time.monotonic() + timeout_s
    while not (value := happened()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.01)
    return value


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] not in b"ZX"
    except OSError:
        return False


def of_root(root: str) -> dict[int, str]:
    """Command lines of processes that have the mark of a job under `root`, or name it."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                environ = file.read()
            with open(f"/proc/{name}/cmdline", "rb") as file:
                command = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        ours = f"RUNCTL_JOB={root}/".encode() in environ or f" {root}" in command
        if ours and alive(int(name)) and int(name) != os.getpid():
            found[int(name)] = command
    return found


class Jobs:
    """Starts jobs under one root and waits for them."""

    def __init__(self, folder: Path) -> None:
        self.root = str(folder / "slot")
        self.workdir = folder / "work"
        self.workdir.mkdir()
        self.executor = RunnerExecutor(LocalTransport(), self.root)

    def start(self, command: str | Sequence[str], job_id: str = "otter-1", **fields: Any) -> str:
        """Start Python code, or a program with its arguments."""
        argv = (sys.executable, "-c", command) if isinstance(command, str) else tuple(command)
        fields.setdefault("workdir", str(self.workdir))
        return self.executor.start(Job(id=job_id, command=argv, **fields))

    def wait(self, handle: str = "otter-1", timeout_s: float = 20.0) -> JobStatus:
        """The job's status once it is over."""

        def over() -> JobStatus | None:
            status = self.executor.status(handle)
            return status if status.phase.over else None

        status = eventually(f"the job {handle} is over", over, timeout_s)
        assert isinstance(status, JobStatus)
        return status

    def run(self, command: str | Sequence[str], **fields: Any) -> JobStatus:
        """Start a job and wait for its end."""
        return self.wait(self.start(command, **fields))

    def wait_running(self, handle: str = "otter-1") -> None:
        """Until the script runs."""
        eventually("the script runs", lambda: self.executor.status(handle).phase == "running")

    def log(self, handle: str = "otter-1", log: Any = "job") -> bytes:
        """A whole log."""
        return self.executor.logs(handle, 0, limit=1 << 30, log=log)

    def state(self, handle: str = "otter-1") -> dict[str, Any]:
        """The state file, as it is."""
        import json

        value: dict[str, Any] = json.loads(Path(self.root, handle, "state.json").read_bytes())
        return value

    def nothing_left(self) -> None:
        """Until no process of any job, runner or guard of this root is left."""
        eventually("no process is left", lambda: not of_root(self.root))

    def await_file(self, name: str) -> str:
        """The content of a file that the script makes in its directory, once it is not empty."""
        path = self.workdir / name
        eventually(f"the script wrote {name}", lambda: path.exists() and path.read_text())
        return path.read_text()


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    """Jobs under a root of this test's own."""
    jobs = Jobs(tmp_path)
    yield jobs
    jobs.executor.destroy()
    jobs.nothing_left()
