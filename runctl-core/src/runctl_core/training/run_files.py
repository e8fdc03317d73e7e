"""`RUN:path`: the files of a run, wherever it is.

While a run goes on they are on its machine: `RUN:log` is its output so far, `RUN:checkpoints` where it
saves to, any other path is meant from the folder that it runs in. When it is over, they are what was
kept of it; a path that was not kept is meant from its folder on this computer.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from runctl_core.errors import NotFound, Refused, UsageError
from runctl_core.executor import JobExecutor
from runctl_core.locks import is_at, is_locked, lock
from runctl_core.models.runs import Run, handle_of
from runctl_core.paths import ensure_private_dir, run_dir, write_whole
from runctl_core.training.kept_log import log_path, read_log
from runctl_core.training.plan import Plan

_STAGING = ".fetched-"


@contextmanager
def readable(run: Run, plan: Plan, path: str, executor: JobExecutor | None) -> Iterator[str]:
    """Where a file or folder of a run is on this computer, for as long as it is needed.

    Args:
        run: The run.
        plan: What it was asked to do.
        path: What of it.
        executor: That of its machine; None when it has none any more.

    Raises:
        NotFound: The run has nothing of that name.
        UsageError: The path leads out of the run's folder.
    """
    inside = _inside(run, path)
    if executor is not None and (inside == "log" or not executor.shares_files):
        with staging(run.id) as folder:
            yield _fetched(run, inside, executor, folder)
        return
    places = [_in_checkpoints(run, plan, inside), os.path.join(plan.workdir, inside), *_kept(run, inside)]
    if executor is None:
        places[1:] = [*places[2:], places[1]]  # the run is over: what was kept of it is what it made
    for place in places:
        if place is not None and os.path.exists(place):
            yield place
            return
    raise NotFound(f"{run.id} has no {path}", fix=f"runctl status {run.id} shows what it has")


def writable(run: Run, plan: Plan, path: str, executor: JobExecutor | None) -> str:
    """Where to write a file of a live run.

    Raises:
        Refused: The run is over, or its machine does not share the files of this computer.
        UsageError: The path leads out of the run's folder.
    """
    inside = _inside(run, path)
    if executor is None:
        raise Refused(
            f"{run.id} is {run.state}, so nothing would read what is written there",
            fix=f"a path of this computer, such as {os.path.join(plan.workdir, inside)}",
        )
    if not executor.shares_files:
        raise Refused(
            f"nothing can be written to the machine of {run.id} while it runs",
            why="its files are not those of this computer",
            fix=f"give it to the next attempt: runctl stop {run.id}, then runctl resume {run.id}",
        )
    if inside == "log":
        raise Refused(f"the log of {run.id} is its own", fix=f"another name than {run.id}:log")
    return _in_checkpoints(run, plan, inside) or os.path.join(plan.workdir, inside)


def _inside(run: Run, path: str) -> str:
    inside = os.path.normpath(path) if path else ""
    if os.path.isabs(inside) or inside.split("/")[0] in ("", ".", ".."):
        raise UsageError(
            f"{run.id}:{path} names nothing in the run's folder",
            why="a path begins in the folder that the run runs in, and stays there",
            fix=f"{run.id}:checkpoints, {run.id}:log, or {run.id}:PATH",
        )
    return inside


def _in_checkpoints(run: Run, plan: Plan, inside: str) -> str | None:
    first, _, rest = inside.partition("/")
    return os.path.join(plan.checkpoint_directory(run.id), rest) if first == "checkpoints" else None


def _kept(run: Run, inside: str) -> list[str]:
    if inside == "log":
        return [log_path(run.id, run.attempt)]
    home = run_dir(run.id)
    return [os.path.join(home, inside), os.path.join(home, "outputs", inside)]


def _fetched(run: Run, inside: str, executor: JobExecutor, folder: str) -> str:
    """Bring it here from the run's machine."""
    target, handle = os.path.join(folder, os.path.basename(inside)), handle_of(run)
    if inside == "log":
        write_whole(target, read_log(executor, handle))
        return target
    first, _, rest = inside.partition("/")
    there = executor.status(handle).checkpoint_dir if first == "checkpoints" else None
    executor.fetch(handle, os.path.join(there, rest) if there else inside, target)
    return target


@contextmanager
def staging(run_id: str) -> Iterator[str]:
    """A folder beside a run that is gone afterwards; those that killed commands left go too."""
    home = ensure_private_dir(run_dir(run_id))
    for name in os.listdir(home):
        path = os.path.join(home, name)
        if name.startswith(_STAGING) and not is_locked(path):
            shutil.rmtree(path, ignore_errors=True)
    folder, fd = _locked_folder(home)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(fd)


def _locked_folder(home: str) -> tuple[str, int]:
    while True:
        folder = tempfile.mkdtemp(prefix=_STAGING, dir=home)
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # another command took it for one that was left
        if lock(fd) and is_at(fd, folder):
            return folder, fd
        os.close(fd)
