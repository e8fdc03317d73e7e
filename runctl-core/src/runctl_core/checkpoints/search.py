"""Which checkpoints are in a folder, newest first, and the newest that is whole."""

from __future__ import annotations

import os
import stat

from attrs import frozen

from runctl_core.checkpoints.formats import Format, Look, claim
from runctl_core.checkpoints.naming import numbers
from runctl_core.clock import from_micros
from runctl_core.errors import NotFound
from runctl_core.models.checkpoints import Checkpoint

_UNFINISHED = (".tmp", ".part", ".partial", ".incomplete", ".lock", "~")


@frozen
class Choice:
    """The checkpoint to resume from.

    Attributes:
        chosen: The newest one that is whole; None when there is none.
        passed_over: Newer ones that are not whole, newest first.
    """

    chosen: Checkpoint | None
    passed_over: tuple[Checkpoint, ...] = ()


@frozen
class _Entry:
    path: str
    format: Format
    modified_ns: int


def find(directory: str) -> list[Checkpoint]:
    """Every checkpoint in a folder and one level below it, newest first. Empty for no folder."""
    return [_described(entry) for entry in _newest_first(directory)]


def newest_complete(directory: str) -> Choice:
    """The newest checkpoint that is whole, and what was passed over for it."""
    passed_over: list[Checkpoint] = []
    for entry in _newest_first(directory):
        checkpoint = _described(entry)
        if checkpoint.complete:
            return Choice(checkpoint, tuple(passed_over))
        passed_over.append(checkpoint)
    return Choice(None, tuple(passed_over))


def describe(path: str) -> Checkpoint:
    """One checkpoint. Raises NotFound when there is nothing, or no format claims it."""
    full = os.path.abspath(path)
    try:
        entry = _entry(full, os.path.isdir(full), os.stat(full))
    except OSError as error:
        raise NotFound(
            f"nothing at {path}", why=error.strerror or str(error), fix="check the path"
        ) from error
    if entry is None:
        raise NotFound(
            f"{path} is no checkpoint of a known format",
            fix=f"runctl checkpoint list {os.path.dirname(path) or '.'}",
        )
    return _described(entry)


def _newest_first(directory: str) -> list[_Entry]:
    """Time decides, and the step among those of one time: a resumed run may count its steps anew."""
    entries = _entries(os.path.abspath(directory), depth=2)
    return sorted(entries, key=lambda e: (e.modified_ns, numbers(e.path).step or 0, e.path), reverse=True)


def _entries(folder: str, depth: int) -> list[_Entry]:
    found = []
    try:
        listed = list(os.scandir(folder))
    except OSError:
        return []
    for item in listed:
        if item.name.startswith(".") or item.name.endswith(_UNFINISHED):
            continue
        try:
            is_dir = item.is_dir(follow_symlinks=False)
            entry = _entry(item.path, is_dir, item.stat())
        except OSError:
            continue  # it went away, or it is a link to nothing
        if entry is not None:
            found.append(entry)
        elif is_dir and depth > 1:
            found += _entries(item.path, depth - 1)
    return found


def _entry(path: str, is_dir: bool, found: os.stat_result) -> _Entry | None:
    """None for what is no checkpoint; a pipe or a device would never come to its end."""
    form = claim(path, is_dir) if is_dir or stat.S_ISREG(found.st_mode) else None
    return None if form is None else _Entry(path, form, found.st_mtime_ns)


def _described(entry: _Entry) -> Checkpoint:
    named, size = numbers(entry.path), 0
    try:
        size = _size(entry.path)
        seen = entry.format.look(entry.path)
    except OSError as error:
        seen = Look(False, error.strerror or str(error))
    return Checkpoint(
        path=entry.path,
        format=entry.format.name,
        step=named.step if seen.step is None else seen.step,
        epoch=named.epoch if seen.epoch is None else seen.epoch,
        size_bytes=size,
        modified_at=from_micros(entry.modified_ns // 1000),
        complete=seen.complete,
        problem=seen.problem,
        metrics=seen.metrics,
        details=seen.details,
    )


def _size(path: str) -> int:
    if not os.path.isdir(path):
        return os.stat(path).st_size
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            total += os.lstat(os.path.join(folder, name)).st_size
    return total
