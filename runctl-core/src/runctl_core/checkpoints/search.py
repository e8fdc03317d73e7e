"""Which checkpoints are in a folder, newest first, and the newest that is whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import overload

from attrs import evolve, frozen

from runctl_core.checkpoints.formats import Format, Look, claim
from runctl_core.checkpoints.naming import numbers
from runctl_core.checkpoints.scan import Entry, scan
from runctl_core.clock import from_micros
from runctl_core.errors import NotFound
from runctl_core.models.checkpoints import Checkpoint

_MOST_FILES = 250_000
"""So many files of a folder are counted for its size."""


@frozen
class Choice:
    """The checkpoint to resume from.

    Attributes:
        chosen: The newest one that is whole; None when there is none.
        passed_over: Newer ones that are not whole, newest first.
    """

    chosen: Checkpoint | None
    passed_over: tuple[Checkpoint, ...] = ()


class Listing(Sequence[Checkpoint]):
    """The checkpoints of a folder, newest first, each made when it is read.

    Only the first ones are looked into: of the others nothing is known but what names and directory
    entries tell, and `complete` is None.

    Attributes:
        left_out: How many older ones are not listed, because there are too many.
    """

    def __init__(self, entries: Sequence[Entry], looked_into: int, left_out: int) -> None:
        self._entries = entries
        self._looked_into = looked_into
        self.left_out = left_out

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Checkpoint]:
        for index, entry in enumerate(self._entries):
            yield _judged(entry) if index < self._looked_into else _unopened(entry)

    @overload
    def __getitem__(self, index: int) -> Checkpoint: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Checkpoint]: ...
    def __getitem__(self, index: int | slice) -> Checkpoint | Sequence[Checkpoint]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        entry = self._entries[at]
        return _judged(entry) if at < self._looked_into else _unopened(entry)


def listing(directory: str, *, look_into: int) -> Listing:
    """The checkpoints in a folder and one level below it, newest first. Empty for no folder.

    Args:
        directory: The folder.
        look_into: How many of the newest to open and judge.
    """
    entries, left_out = scan(os.path.abspath(directory))
    return Listing(entries, look_into, left_out)


def find(directory: str) -> list[Checkpoint]:
    """Every checkpoint in a folder and one level below it, each looked into, newest first."""
    entries, _ = scan(os.path.abspath(directory))
    return [_judged(entry) for entry in entries]


def newest_complete(directory: str) -> Choice:
    """The newest checkpoint that is whole, and what was passed over for it."""
    passed_over: list[Checkpoint] = []
    for checkpoint in map(_judged, scan(os.path.abspath(directory))[0]):
        if checkpoint.complete:
            return Choice(checkpoint, tuple(passed_over))
        passed_over.append(checkpoint)
    return Choice(None, tuple(passed_over))


def describe(path: str) -> Checkpoint:
    """One checkpoint, with all that can be told. Raises NotFound when there is nothing, or no format
    claims it."""
    entry = _claimed(path)
    return _described(entry, entry[4].study or entry[4].look)


def format_of(path: str) -> Format:
    """The format that claims a checkpoint. Raises NotFound when there is nothing, or none does."""
    return _claimed(path)[4]


def _claimed(path: str) -> Entry:
    full = os.path.abspath(path)
    try:
        entry = _entry(full)
    except OSError as error:
        raise NotFound(
            f"nothing at {path}", why=error.strerror or str(error), fix="check the path"
        ) from error
    if entry is None:
        raise NotFound(
            f"{path} is no checkpoint of a known format",
            fix=f"runctl checkpoint list {path if os.path.isdir(path) else os.path.dirname(path) or '.'}",
        )
    return entry


def _entry(path: str) -> Entry | None:
    """None for what is no checkpoint; a pipe or a device would never come to its end."""
    found = os.stat(path)
    is_dir = stat.S_ISDIR(found.st_mode)
    form = claim(path, is_dir) if is_dir or stat.S_ISREG(found.st_mode) else None
    size = None if is_dir else found.st_size
    return (found.st_mtime_ns, *os.path.split(path), size, form) if form else None


def _judged(entry: Entry) -> Checkpoint:
    return _described(entry, entry[4].look)


def _unopened(entry: Entry) -> Checkpoint:
    """What names and directory entries tell: an empty file is not whole."""
    modified_ns, folder, name, size, form = entry
    path, named = os.path.join(folder, name), numbers(name)
    return Checkpoint(
        path=path,
        format=form.name,
        step=named.step,
        epoch=named.epoch,
        size_bytes=_folder_size(path) if size is None else size,
        modified_at=from_micros(modified_ns // 1000),
        complete=None if size != 0 else False,
        problem="" if size != 0 else "empty",
        metrics=named.metrics,
    )


def _described(entry: Entry, look: Callable[[str], Look]) -> Checkpoint:
    known = _unopened(entry)
    try:
        seen = look(known.path)
    except OSError as error:
        seen = Look(False, error.strerror or str(error))
    return evolve(
        known,
        step=known.step if seen.step is None else seen.step,
        epoch=known.epoch if seen.epoch is None else seen.epoch,
        complete=seen.complete,
        problem=seen.problem,
        metrics={**known.metrics, **seen.metrics},
        framework=seen.framework,
        framework_version=seen.framework_version,
        tensors=seen.tensors,
        details=seen.details,
    )


def _folder_size(path: str) -> int:
    """The size of the files in it, links not followed, or of as many as are counted."""
    total, left, todo = 0, _MOST_FILES, [path]
    while todo and left:
        try:
            with os.scandir(todo.pop()) as items:
                for item in islice(items, left):
                    left -= 1
                    if item.is_dir(follow_symlinks=False):
                        todo.append(item.path)
                    else:
                        total += item.stat(follow_symlinks=False).st_size
        except OSError:
            continue  # a part of it went away
    return total
