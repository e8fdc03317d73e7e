"""The log of a run, wherever it is at the moment: on its resource while it runs, then at home."""

from __future__ import annotations

import os

from runctl_core.errors import NotFound
from runctl_core.executor import LogName
from runctl_core.models.runs import Run
from runctl_core.training.collect import log_path


def size_at_home(run: Run, log: LogName = "job", attempt: int | None = None) -> int | None:
    """Size of a collected log in bytes; None when it has not been collected."""
    try:
        return os.path.getsize(log_path(run.id, attempt or run.attempt, log))
    except OSError:
        return None


def read_at_home(
    run: Run, offset: int, *, limit: int = 1 << 20, log: LogName = "job", attempt: int | None = None
) -> bytes:
    """Bytes of a collected log. Raises NotFound when it has not been collected."""
    path = log_path(run.id, attempt or run.attempt, log)
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(limit)
    except FileNotFoundError as error:
        raise NotFound(
            f"no log of attempt {attempt or run.attempt} of {run.id}",
            why="the script never started, or its log could not be brought home",
            fix=f"runctl status {run.id}",
        ) from error
