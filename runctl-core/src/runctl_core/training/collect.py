"""What is brought home when a job is over: its logs, its outputs, its checkpoints.

Doing it again does no harm, so that a command killed in the middle is simply followed by another.
Each file appears under its name only when it is whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from attrs import frozen

from runctl_core.errors import NotFound, RunctlError, StateError
from runctl_core.executor import JobExecutor, LogName
from runctl_core.models.jobs import Usage
from runctl_core.models.runs import Run
from runctl_core.paths import ensure_private_dir, run_dir, write_whole
from runctl_core.shown import usage_of
from runctl_core.training.plan import Plan
from runctl_core.training.staging import staging
from runctl_core.transport.local import LocalTransport
from runctl_core.transport.whole import replace


@frozen
class Collected:
    """What was brought home, and what was not there.

    Attributes:
        outputs: Paths of the outputs on this computer.
        missing: Outputs that the script did not make.
    """

    outputs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def log_path(run_id: str, attempt: int, log: LogName = "job") -> str:
    """Where the log of an attempt is kept once the attempt is over."""
    suffix = "" if log == "job" else ".setup"
    return os.path.join(run_dir(run_id), f"attempt-{attempt}{suffix}.log")


def collect(run: Run, plan: Plan, executor: JobExecutor, handle: str) -> Collected:
    """Bring home what the attempt left on its resource.

    Raises:
        StateError: This disk is full or not writable; nothing on the resource was touched.
    """
    ensure_private_dir(run_dir(run.id))
    try:
        for log in ("job", "setup"):
            with suppress(NotFound):  # a lost job may have lost its logs too
                write_whole(log_path(run.id, run.attempt, log), read_log(executor, handle, log))
        if not executor.shares_files:
            fetch_checkpoints(run, plan, executor, handle)
        return _fetch_outputs(run, plan, executor, handle)
    except OSError as error:
        raise StateError(
            f"the results of {run.id} could not be brought home",
            why=f"{error.strerror or error}: {error.filename or run_dir(run.id)}",
            fix=f"make room, then: runctl pull {run.id}",
        ) from error


def read_log(executor: JobExecutor, handle: str, log: LogName = "job", offset: int = 0) -> Iterator[bytes]:
    """The log from `offset` to its present end, in pieces."""
    while data := executor.logs(handle, offset, log=log):
        offset += len(data)
        yield data


def fetch_checkpoints(run: Run, plan: Plan, executor: JobExecutor, handle: str) -> None:
    """Bring home the checkpoints that are on the machine; those of earlier attempts stay beside them."""
    source = executor.status(handle).checkpoint_dir
    if source:
        with staging(run.id) as folder:
            coming = os.path.join(folder, "checkpoints")
            try:
                executor.fetch(handle, source, coming)
            except NotFound:
                return  # the script made none
            home = plan.checkpoint_directory(run.id)
            os.makedirs(home, exist_ok=True)
            for name in os.listdir(coming):
                _put(os.path.join(coming, name), os.path.join(home, name))


def _put(source: str, target: str) -> None:
    """Give what came its name at home; a copy appears whole, too, where home is another disk."""
    if os.stat(os.path.dirname(source)).st_dev == os.stat(os.path.dirname(target)).st_dev:
        replace(source, target)
    else:
        LocalTransport().put(source, target)


def _fetch_outputs(run: Run, plan: Plan, executor: JobExecutor, handle: str) -> Collected:
    outputs: list[str] = []
    missing: list[str] = []
    for path in plan.outputs:
        target = os.path.join(run_dir(run.id), "outputs", plan.output_name(path))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        try:
            executor.fetch(handle, path, target)
        except NotFound:
            missing.append(path)
        else:
            outputs.append(target)
    return Collected(tuple(outputs), tuple(missing))


def measured(executor: JobExecutor, handle: str) -> list[Usage]:
    """What a job used, for its receipt; a machine that does not tell is let go of all the same."""
    try:
        return usage_of(executor, handle)
    except RunctlError:
        return []
