"""Where the logs of a run are kept at home, and reading one from its machine."""

from __future__ import annotations

import os
from collections.abc import Iterator

from runctl_core.executor import JobExecutor, LogName
from runctl_core.paths import run_dir


def log_path(run_id: str, attempt: int, log: LogName = "job") -> str:
    """Where the log of an attempt is kept once the attempt is over."""
    suffix = "" if log == "job" else ".setup"
    return os.path.join(run_dir(run_id), f"attempt-{attempt}{suffix}.log")


def read_log(executor: JobExecutor, handle: str, log: LogName = "job", offset: int = 0) -> Iterator[bytes]:
    """The log from `offset` to its present end, in pieces."""
    while data := executor.logs(handle, offset, log=log):
        offset += len(data)
        yield data
