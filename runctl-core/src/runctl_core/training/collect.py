"""What is brought home when a job is over: its logs, its outputs, its checkpoints.

Doing it again does no harm, so that a command killed in the middle is simply followed by another.
Each file appears under its name only when it is whole.
"""

from __future__ import annotations

import os
from contextlib import suppress

from attrs import frozen

from runctl_core.errors import NotFound, RunctlError, StateError
from runctl_core.executor import JobExecutor
from runctl_core.models.jobs import Usage
from runctl_core.models.runs import Run
from runctl_core.paths import ensure_private_dir, run_dir, write_whole
from runctl_core.shown import usage_of
from runctl_core.training.homecoming import bring_home
from runctl_core.training.kept_log import log_path, read_log
from runctl_core.training.plan import Plan


@frozen
class Collected:
    """What was brought home, and what was not there.

    Attributes:
        outputs: Paths of the outputs on this computer.
        missing: Outputs that the script did not make.
    """

    outputs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


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
        bring_home(run, plan, executor, live=False)
        return _fetch_outputs(run, plan, executor, handle)
    except OSError as error:
        raise StateError(
            f"the results of {run.id} could not be brought home",
            why=f"{error.strerror or error}: {error.filename or run_dir(run.id)}",
            fix=f"make room, then: runctl pull {run.id}",
        ) from error


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
