"""Which checkpoints are in a folder, newest first, and the newest that is whole."""

from __future__ import annotations

import os

from attrs import frozen

from runctl_core.checkpoints.formats import claim
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
    format: str
    is_dir: bool
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
        entry = _entry(full, os.path.isdir(full), os.stat(full).st_mtime_ns)
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
            entry = _entry(item.path, is_dir, item.stat().st_mtime_ns)
        except OSError:
            continue  # it went away, or it is a link to nothing
        if entry is not None:
            found.append(entry)
        elif is_dir and depth > 1:
            found += _entries(item.path, depth - 1)
    return found


def _entry(path: str, is_dir: bool, modified_ns: int) -> _Entry | None:
    name = claim(path, is_dir)
    return None if name is None else _Entry(path, name.name, is_dir, modified_ns)


def _described(entry: _Entry) -> Checkpoint:
    form = claim(entry.path, entry.is_dir)
    named = numbers(entry.path)
    try:
        seen = form.look(entry.path) if form else None
        size = _size(entry.path)
    except OSError as error:
        seen, size = None, 0
        problem = error.strerror or str(error)
    else:
        problem = seen.problem if seen else "no format claims it"
    return Checkpoint(
        path=entry.path,
        format=entry.format,
        step=seen.step if seen and seen.step is not None else named.step,
        epoch=seen.epoch if seen and seen.epoch is not None else named.epoch,
        size_bytes=size,
        modified_at=from_micros(entry.modified_ns // 1000),
        complete=bool(seen and seen.complete),
        problem=problem,
        metrics=seen.metrics if seen else {},
        details=seen.details if seen else {},
    )


def _size(path: str) -> int:
    if not os.path.isdir(path):
        return os.stat(path).st_size
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            total += os.lstat(os.path.join(folder, name)).st_size
    return total
