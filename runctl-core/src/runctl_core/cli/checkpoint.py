"""`runctl checkpoint list` and `info`: what a folder or a run has to resume from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from runctl_core import words
from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag
from runctl_core.clock import now

if TYPE_CHECKING:
    from runctl_core.checkpoints import Listing
    from runctl_core.models.checkpoints import Checkpoint

_NEWEST = 20
"""So many are looked into, and shown on a terminal, unless `--limit` says otherwise."""


def list_(
    place: Annotated[str, Argument(metavar="PATH|RUN|URL", help="A folder, a run, or the URL of a store.")],
    limit: Annotated[
        int | None,
        Option(min=1, help="List the newest N, and look into each of them."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """List the checkpoints of a folder or a run, newest first.

    The newest 20 are looked into, to say whether they are whole; of the others only names and
    directory entries are read. A terminal shows those 20; a pipe and --json get all.

    Nothing in them is executed: a pickle is read as data, if at all. In a store, those are listed that have a
    manifest there.

    Examples:
        runctl checkpoint list checkpoints/
        runctl checkpoint list checkpoints/ --limit 100
        runctl checkpoint list brave-otter-41 --json
    """
    from runctl_core.checkpoints import listing

    if "://" in place:
        _list_stored(place, limit, json=json)
        return
    folder = folder_of(place)
    found = listing(folder, look_into=limit or _NEWEST)
    if json:
        from runctl_core.training.documents import of_checkpoint

        output.print_json([of_checkpoint(checkpoint) for checkpoint in _some(found, limit)])
    else:
        _show(found, folder, limit)
    name_what_is_broken()


def info(
    place: Annotated[
        str, Argument(metavar="PATH|RUN|URL", help="A checkpoint, a folder of them, a run, or a URL.")
    ],
    json: JsonFlag = False,
) -> None:
    """Describe one checkpoint from its headers and the files beside it.

    Tells its step, its metrics, what wrote it, and how many numbers of which type are in it.
    Nothing in it is executed: a pickle is read as data. Of a folder or a run, the newest whole
    checkpoint is described; of one in a store, only its manifest is read.

    Examples:
        runctl checkpoint info checkpoints/step-500.safetensors
        runctl checkpoint info brave-otter-41
        runctl checkpoint info checkpoints/checkpoint-500 --json
    """
    checkpoint = _checkpoint(place)
    if json:
        from runctl_core.training.documents import of_checkpoint

        output.print_json(of_checkpoint(checkpoint))
    else:
        output.pairs(_facts(checkpoint))
        _show_types(checkpoint)
    name_what_is_broken()


def _checkpoint(place: str) -> Checkpoint:
    from runctl_core.checkpoints import describe

    if "://" not in place:
        return describe(one_of(place))
    from runctl_core.stores.opening import open_url
    from runctl_core.transfer.stored import stored_checkpoint

    return stored_checkpoint(open_url(place))


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
    if not run.state.over:
        from runctl_core.cli.follow import bring_checkpoints_home

        bring_checkpoints_home(session, run)
    return session.plan(run).checkpoint_directory(run.id)


def one_of(place: str) -> str:
    """The checkpoint that a path names, or the newest whole one of a folder or a run.

    Raises:
        NotFound: There is no such run, or no whole checkpoint.
    """
    from runctl_core.checkpoints import claim, newest_complete
    from runctl_core.errors import NotFound

    is_folder = os.path.isdir(place)
    is_path = os.sep in place or os.path.exists(place)
    if claim(place, is_folder) if is_folder else is_path:
        return place
    folder = folder_of(place)
    choice = newest_complete(folder)
    for passed in choice.passed_over:
        output.note(f"{passed.path} is passed over: {passed.problem}")
    if choice.chosen is None:
        raise NotFound(f"no whole checkpoint in {folder}", fix=f"runctl checkpoint list {place}")
    return choice.chosen.path


def _some(found: Listing, limit: int | None) -> Sequence[Checkpoint] | Listing:
    return found if limit is None else found[:limit]


def _show(found: Listing, folder: str, limit: int | None) -> None:
    columns = ("CHECKPOINT", "FORMAT", "STEP", "EPOCH", "SIZE", "CHANGED", "WHOLE")
    live = output.results().isatty()
    rows = [_row(checkpoint) for checkpoint in _some(found, limit or _NEWEST if live else limit)]
    if rows and live:
        output.note(f"in {folder}")
        rows = [(os.path.relpath(path, folder), *rest) for path, *rest in rows]
    output.table(columns, rows, empty=f"no checkpoints in {folder}", less_wanted=("FORMAT", "EPOCH"))
    if found.left_out:
        output.note(f"{found.left_out:,} older ones are not listed")
    elif len(rows) < len(found) and limit is None:
        output.note(f"{len(found) - len(rows):,} older: --limit {len(found)}")


def _list_stored(url: str, limit: int | None, *, json: bool) -> None:
    from runctl_core.stores.opening import open_url
    from runctl_core.transfer.stored import stored_checkpoints

    found = stored_checkpoints(open_url(url))[:limit]
    if json:
        from runctl_core.training.documents import of_checkpoint

        output.print_json([of_checkpoint(checkpoint) for checkpoint in found])
        return
    columns = ("CHECKPOINT", "FORMAT", "STEP", "EPOCH", "SIZE", "CHANGED", "WHOLE")
    rows = [_row(checkpoint) for checkpoint in found]
    output.table(
        columns, rows, empty=f"no checkpoint has a manifest at {url}", less_wanted=("FORMAT", "EPOCH")
    )


def _row(checkpoint: Checkpoint) -> tuple[str, ...]:
    return (
        checkpoint.path,
        checkpoint.format,
        "-" if checkpoint.step is None else str(checkpoint.step),
        "-" if checkpoint.epoch is None else str(checkpoint.epoch),
        words.size(checkpoint.size_bytes),
        words.age(now() - checkpoint.modified_at),
        _whole(checkpoint),
    )


def _whole(checkpoint: Checkpoint) -> str:
    if checkpoint.complete is None:
        return "not looked into"
    whole = "yes" if checkpoint.complete else "no"
    return f"{whole}: {checkpoint.problem}" if checkpoint.problem else whole


def _facts(checkpoint: Checkpoint) -> Iterator[tuple[str, Any]]:
    """What a person wants to know, the known facts only."""
    tensors = checkpoint.tensors
    yield "path", checkpoint.path
    yield "format", checkpoint.format
    yield "whole", _whole(checkpoint)
    written_by = f"{checkpoint.framework} {checkpoint.framework_version}".strip()
    facts = {
        "written by": written_by,
        "step": checkpoint.step,
        "epoch": checkpoint.epoch,
        "size": _size(checkpoint.size_bytes),
        "changed": f"{checkpoint.modified_at:%Y-%m-%d %H:%M:%S} UTC",
        "tensors": f"{tensors.count:,}" if tensors else None,
        "parameters": _large(tensors.parameters) if tensors and tensors.parameters else None,
    }
    for name, value in (*facts.items(), *checkpoint.metrics.items(), *checkpoint.details.items()):
        if value not in (None, "", [], {}):
            yield name, ", ".join(map(str, value)) if isinstance(value, list) else value


def _size(size_bytes: int) -> str:
    exact = f" ({size_bytes:,} bytes)" if size_bytes >= 1000 else ""
    return f"{words.size(size_bytes)}{exact}"


def _large(number: int) -> str:
    """`6,738,415,616 (6.7 billion)`."""
    for size, name in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if number >= size:
            return f"{number:,} ({number / size:.1f} {name})"
    return f"{number:,}"


def _show_types(checkpoint: Checkpoint) -> None:
    if not checkpoint.tensors or not checkpoint.tensors.dtype_bytes:
        return
    dtypes = sorted(checkpoint.tensors.dtype_bytes.items(), key=lambda item: -item[1])
    output.lines([""])
    output.table(("TYPE", "SIZE"), [(name, words.size(size)) for name, size in dtypes], empty="")


def name_what_is_broken() -> None:
    """Say which plugin's format could not be used, and by whom it is: it stopped nothing else."""
    from runctl_core.checkpoints import broken

    for one in broken():
        output.note(f"the checkpoint format {one.name} ({one.source}) cannot be used: {one.error}")
