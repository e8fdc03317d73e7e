"""`runctl checkpoint list` and `info`: what a folder or a run has to resume from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

from typer import Argument

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag
from runctl_core.clock import now

if TYPE_CHECKING:
    from runctl_core.models.checkpoints import Checkpoint


def list_(
    place: Annotated[str, Argument(metavar="PATH|RUN", help="A folder, or a run.")],
    json: JsonFlag = False,
) -> None:
    """List the checkpoints of a folder or a run, newest first.

    Nothing in them is executed: a pickle is never opened.

    Examples:
        runctl checkpoint list checkpoints/
        runctl checkpoint list brave-otter-41 --json
    """
    from runctl_core.checkpoints import find
    from runctl_core.training.documents import of_checkpoint

    folder = folder_of(place)
    found = find(folder)
    if json:
        output.print_json([of_checkpoint(checkpoint) for checkpoint in found])
        return
    columns = ("CHECKPOINT", "FORMAT", "STEP", "EPOCH", "SIZE", "CHANGED", "WHOLE")
    rows = [_row(checkpoint) for checkpoint in found]
    if rows and output.results().isatty():
        output.note(f"in {folder}")
        rows = [(os.path.relpath(path, folder), *rest) for path, *rest in rows]
    output.table(columns, rows, empty=f"no checkpoints in {folder}")


def info(
    path: Annotated[str, Argument(metavar="PATH", help="A checkpoint.")],
    json: JsonFlag = False,
) -> None:
    """Describe one checkpoint from its headers and the files beside it.

    Examples:
        runctl checkpoint info checkpoints/step-500.safetensors
    """
    from runctl_core.checkpoints import describe
    from runctl_core.training.documents import of_checkpoint

    document = of_checkpoint(describe(path))
    if json:
        output.print_json(document)
        return
    output.pairs((name, value) for name, value in document.items() if value not in (None, {}, ""))


def folder_of(place: str) -> str:
    """The folder that a path, or a run, names. Raises NotFound."""
    if os.path.isdir(place):
        return place
    from runctl_core.cli.session import Session
    from runctl_core.errors import NotFound

    if os.sep in place or os.path.exists(place):
        raise NotFound(f"no folder {place}", fix=f"runctl checkpoint info {place}, or check the path")
    session = Session()
    run = session.tracker.run(place)
    return session.plan(run).checkpoint_directory(run.id)


def _row(checkpoint: Checkpoint) -> tuple[str, ...]:
    whole = "yes" if checkpoint.complete else "no"
    return (
        checkpoint.path,
        checkpoint.format,
        "-" if checkpoint.step is None else str(checkpoint.step),
        "-" if checkpoint.epoch is None else str(checkpoint.epoch),
        output.size(checkpoint.size_bytes),
        output.age(now() - checkpoint.modified_at),
        f"{whole}: {checkpoint.problem}" if checkpoint.problem else whole,
    )
