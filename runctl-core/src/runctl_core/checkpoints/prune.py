"""Removes checkpoints, so that none is ever seen by halves.

Each one moves, whole, into a hidden folder beside it, under a name that no framework reads; its manifest
follows, and then both are deleted there. A kill at any moment leaves the checkpoint as it was, or none
of it but that hidden folder, which the next prune settles.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress

from attrs import frozen

from runctl_core.checkpoints import manifest
from runctl_core.checkpoints.contents import Advance
from runctl_core.checkpoints.search import find
from runctl_core.checkpoints.verdict import Verdict
from runctl_core.checkpoints.verify import verify
from runctl_core.clock import from_micros
from runctl_core.errors import NotFound, StateError
from runctl_core.locks import alone
from runctl_core.models.checkpoints import Checkpoint

PREFIX = ".runctl-prune-"
"""How the name of a folder begins in which something is being deleted."""

_TRAINERS_FOLDER = re.compile(r"checkpoint-\d+")
_NAME, _DATA, _MANIFEST = "name", "data", "manifest"


@frozen
class Folder:
    """The checkpoints of a folder, and what speaks for some of them.

    Attributes:
        checkpoints: All of them, newest first; links to others are none of them.
        newest_good: The newest one that verifies; None when none does.
        pinned: Paths that something else leads to, each with the reason in words.
    """

    checkpoints: tuple[Checkpoint, ...]
    newest_good: Checkpoint | None
    pinned: dict[str, str]


def look(directory: str, *, good: Checkpoint | None = None, advance: Advance = lambda _: None) -> Folder:
    """Look at a folder, and verify the newest checkpoints to their end until one is good.

    Args:
        directory: The folder.
        good: One that verified before; it is not read again while it is unchanged.
        advance: Is told how many more bytes were read.
    """
    root = os.path.realpath(directory)
    found = tuple(c for c in find(root) if not os.path.islink(c.path))
    pinned = {path: why for folder in _folders(root) for path, why in _pointers(folder)}
    pinned |= {c.path: "others are in it" for c in found if c.path == root or _holds_others(c.path)}
    return Folder(found, next((c for c in found if c == good or _is_good(c, advance)), None), pinned)


def remove(checkpoint: Checkpoint) -> bool:
    """Delete a checkpoint with its manifest.

    Returns:
        Whether it was; not when it is gone already, or another one by now.

    Raises:
        StateError: The disk refuses. It is whole and in its place, or gone from there.
    """
    folder, name = os.path.split(checkpoint.path)
    if not os.path.isdir(folder):
        return False
    grave = os.path.join(folder, f"{PREFIX}{secrets.token_hex(6)}")
    try:
        with alone(folder):
            os.mkdir(grave, 0o700)
            moved = _moved(checkpoint, name, grave)
            if moved:
                _bury(grave)
        return moved
    except OSError as error:
        raise _cannot(checkpoint.path, error) from error


def settle(directory: str) -> int:
    """Finish what killed prunes left in a folder, and return how many there were. Raises StateError."""
    return sum(_settled(folder) for folder in _folders(os.path.realpath(directory)))


def _settled(folder: str) -> int:
    if not _graves(folder):
        return 0
    try:
        with alone(folder):  # what another prune works with is gone when it lets us in
            graves = _graves(folder)
            for grave in graves:
                _bury(grave)
    except OSError as error:
        raise _cannot(folder, error) from error
    return len(graves)


def _graves(folder: str) -> list[str]:
    """What prunes left there; a file or a link with such a name is nobody's."""
    paths = [os.path.join(folder, name) for name in _names(folder) if name.startswith(PREFIX)]
    return [path for path in paths if os.path.isdir(path) and not os.path.islink(path)]


def _moved(checkpoint: Checkpoint, name: str, grave: str) -> bool:
    """Whether it lies in its grave now; otherwise the grave is gone again."""
    path = checkpoint.path
    try:
        with open(os.path.join(grave, _NAME), "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(name)
        if from_micros(os.stat(path).st_mtime_ns // 1000) == checkpoint.modified_at:
            os.rename(path, os.path.join(grave, _DATA))
            return True
    except OSError as error:
        shutil.rmtree(grave)
        if isinstance(error, FileNotFoundError):
            return False  # its own trainer deleted it
        raise
    shutil.rmtree(grave)  # its trainer wrote another one of its name
    return False


def _bury(grave: str) -> None:
    """Fetch the manifest of what lies there, delete both, and forget the name last."""
    if os.path.lexists(os.path.join(grave, _DATA)):
        _fetch_manifest(grave)
    for name in (_DATA, _MANIFEST):
        _delete(os.path.join(grave, name))
    shutil.rmtree(grave)


def _fetch_manifest(grave: str) -> None:
    """A manifest that came after the name was written down is that of a new checkpoint of this name."""
    note = os.path.join(grave, _NAME)
    with open(note, encoding="utf-8", errors="surrogateescape") as file:
        name = file.read()
    if name in ("", ".", "..") or os.path.basename(name) != name:
        return  # the power failed before it was on the disk
    beside = manifest.beside(os.path.join(os.path.dirname(grave), name))
    with suppress(FileNotFoundError):
        if os.lstat(beside).st_ctime_ns <= os.lstat(note).st_ctime_ns:
            os.rename(beside, os.path.join(grave, _MANIFEST))


def _delete(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        with suppress(FileNotFoundError):
            os.unlink(path)


def _is_good(checkpoint: Checkpoint, advance: Advance) -> bool:
    """Whether it is whole, and nothing in it is damaged as far as its manifest or its format tells."""
    if not checkpoint.complete:
        return False
    try:
        return verify(checkpoint.path, advance=advance).verdict is not Verdict.DAMAGED
    except NotFound:
        return False  # deleted meanwhile


def _holds_others(path: str) -> bool:
    """Whether it is an output folder of the Hugging Face trainer: a model, and checkpoints beside it."""
    return os.path.isdir(path) and any(map(_TRAINERS_FOLDER.fullmatch, _names(path)))


def _pointers(folder: str) -> Iterator[tuple[str, str]]:
    """What links in a folder lead to, and what DeepSpeed's file `latest` names."""
    for name in _names(folder):
        path = os.path.join(folder, name)
        if os.path.islink(path):
            yield os.path.realpath(path), f"the link {name} leads to it"
        elif name == "latest" and os.path.isfile(path):
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                yield os.path.join(folder, file.read(4096).strip()), "the file latest names it"


def _folders(root: str) -> Iterable[str]:
    """A folder, and those right below it: where `find` finds checkpoints."""
    yield root
    for name in _names(root):
        path = os.path.join(root, name)
        if not name.startswith(".") and os.path.isdir(path) and not os.path.islink(path):
            yield path


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def _cannot(path: str, error: OSError) -> StateError:
    return StateError(
        f"cannot delete {path}",
        why=f"{error.strerror or error}: {error.filename or path}",
        fix="make its folder yours, and prune again",
    )
