"""The guard: a process that notices the runner's death, and then ends what the runner had to end."""

from __future__ import annotations

import os
import signal
import time

from . import job_directory, processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

RETRY_S = 1.0


def guard(directory: str, watched: int, runner_pid: int) -> NoReturn:
    """Wait until the runner says that it is done, or is dead; then end what it left."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    processes.prctl(processes.PR_SET_CHILD_SUBREAPER, 1)
    if not os.read(watched, 1):
        _await(runner_pid)
        while os.path.isdir(directory) and job_directory.started(directory):
            try:
                job_directory.bury(directory, "its runner was killed", guard=True)
                break
            except OSError:
                time.sleep(RETRY_S)  # the disk is full: the state must be told some time
    os._exit(0)


def _await(runner_pid: int) -> None:
    """Until the runner's orphans are ours, which is so when it can be waited for."""
    try:
        os.waitpid(runner_pid, 0)
    except ChildProcessError:
        return
