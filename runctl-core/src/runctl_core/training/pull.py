"""Copying a run's results to where the user wants them, while it runs or after.

Each file appears under its name only when it is whole: a pull that was killed is simply repeated.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from attrs import frozen

from runctl_core.checkpoints import find
from runctl_core.errors import Refused, StateError
from runctl_core.executor import JobExecutor
from runctl_core.models.runs import Run, handle_of
from runctl_core.paths import run_dir, write_whole
from runctl_core.training.kept_log import log_path, read_log
from runctl_core.training.plan import Plan
from runctl_core.training.receipt import receipt_path
from runctl_core.transfer import Act, Files, LocalTarget, Workers, carry, prepare

_MARK = ".runctl-run"
_AT_ONCE = 4


@frozen
class Item:
    """One file to copy.

    Attributes:
        source: Where it is on this computer.
        target: Its path below the destination.
        size_bytes: Its size.
    """

    source: str
    target: str
    size_bytes: int


def destination(run: Run, path: str | None, *, force: bool) -> str:
    """The folder to copy into. Raises Refused when it holds something else already."""
    folder = os.path.abspath(os.path.expanduser(path or run.id))
    mark = os.path.join(folder, _MARK)
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise Refused(f"{folder} is a file", fix=f"runctl pull {run.id} ANOTHER-FOLDER")
    if os.path.isdir(folder) and os.listdir(folder) and _marked(mark) != run.id and not force:
        raise Refused(
            f"{folder} holds something else already",
            fix=f"runctl pull {run.id} ANOTHER-FOLDER, or --force to write into it",
        )
    return folder


def items(run: Run, plan: Plan) -> list[Item]:
    """What there is to copy at home: logs, whole checkpoints, outputs and the receipt."""
    found = [Item(path, os.path.basename(path), os.path.getsize(path)) for path in _papers(run)]
    found += _checkpoints(os.path.abspath(plan.checkpoint_directory(run.id)))
    outputs = os.path.join(run_dir(run.id), "outputs")
    for name in sorted(os.listdir(outputs)) if os.path.isdir(outputs) else ():
        found += _below(os.path.join(outputs, name), outputs, "outputs")
    return found


def _checkpoints(root: str) -> Iterable[Item]:
    """The files of whole checkpoints, where they are below the folder, each once: one may hold others."""
    whole = [checkpoint for checkpoint in find(root) if checkpoint.complete]
    files = (item for checkpoint in whole for item in _below(checkpoint.path, root, "checkpoints"))
    return {item.source: item for item in files}.values()


def _papers(run: Run) -> Iterator[str]:
    for attempt in range(1, run.attempt + 1):
        for log in ("job", "setup"):
            path = log_path(run.id, attempt, log)
            if os.path.exists(path):
                yield path
    if os.path.exists(receipt_path(run.id)):
        yield receipt_path(run.id)


def _below(path: str, root: str, folder: str) -> Iterator[Item]:
    """The files at a path, or below it, to be put below `folder` as they are below `root`."""
    names = ((where, name) for where, _, found in os.walk(path) for name in found)
    for source in (os.path.join(*at) for at in names) if os.path.isdir(path) else (path,):
        if os.path.isfile(source):
            target = os.path.join(folder, os.path.relpath(source, root))
            yield Item(source, target, os.path.getsize(source))


def pull(
    run: Run,
    found: list[Item],
    folder: str,
    *,
    executor: JobExecutor | None = None,
    progress: Callable[[int], None] = lambda _size_bytes: None,
) -> list[Item]:
    """Copy `found` into `folder`, and the log so far when the job still runs on `executor`.

    Args:
        run: The run.
        found: What there is of it.
        folder: Where to.
        executor: That of its machine; None when it has none any more.
        progress: Told of bytes that were copied.

    Returns:
        What was copied, the log so far included; what is there already with the same size and time is
        left alone.

    Raises:
        StateError: The destination is full or not writable.
    """
    try:
        os.makedirs(folder, exist_ok=True)
        write_whole(os.path.join(folder, _MARK), [run.id.encode()])
        copied = _copied(run, found, folder, progress)
        if executor is not None:
            name = os.path.basename(log_path(run.id, run.attempt))
            path = os.path.join(folder, name)
            write_whole(path, read_log(executor, handle_of(run)))
            copied.append(Item(path, name, os.path.getsize(path)))
    except OSError as error:
        raise StateError(
            f"cannot copy to {folder}",
            why=f"{error.strerror or error}: {error.filename or folder}",
            fix=f"runctl pull {run.id} ANOTHER-FOLDER",
        ) from error
    return copied


def _copied(run: Run, found: list[Item], folder: str, progress: Callable[[int], None]) -> list[Item]:
    source, target = Files({item.target: item.source for item in found}), LocalTarget(folder, run.id)
    workers = Workers(_AT_ONCE)
    (done,) = carry([prepare(source, target, workers)], workers, progress=progress)
    names = {step.name for step in done.of(Act.COPY, Act.REPLACE)}
    return [item for item in found if item.target in names]


def _marked(mark: str) -> str | None:
    try:
        with open(mark, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None
