"""Putting fetched checkpoints in their place at home, so that nothing whole that is there is lost.

As in a folder that the script itself writes to: what an earlier attempt left stays beside what is new. And
more than there: what is whole is never replaced by what is not.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Collection, Iterator

from runctl_core.checkpoints import describe, find
from runctl_core.errors import NotFound


def place(fresh: str, target: str, *, known: Collection[str] = ()) -> None:
    """Put what was fetched in the place of what is at home.

    Args:
        fresh: What was fetched, a file or a folder, which may be moved or changed.
        target: Where it belongs.
        known: Paths from the folder of `target` that this attempt made before: those go when they are gone.

    Raises:
        OSError: This disk does not take it; what was there stays.
    """
    whole = _whole(fresh)
    for path in _whole(target) - whole:
        if path == ".":
            return
        if os.path.lexists(new := os.path.join(fresh, path)):
            _copy_whole(os.path.join(target, path), new)
    if os.path.isdir(fresh) and os.path.isdir(target):
        _keep_earlier(target, fresh, known)
    _put(fresh, target)


def _whole(path: str) -> set[str]:
    """The whole checkpoints at a path or below it, as paths from there."""
    try:
        if describe(path).complete:
            return {"."}
    except NotFound:
        pass  # no checkpoint itself
    found = find(path) if os.path.isdir(path) else ()
    return {os.path.relpath(checkpoint.path, path) for checkpoint in found if checkpoint.complete}


def _copy_whole(old: str, new: str) -> None:
    from runctl_core.transport.whole import discard

    discard(new)
    if os.path.isdir(old):
        shutil.copytree(old, new, symlinks=True, copy_function=_link)
    else:
        _link(old, new)


def _keep_earlier(old: str, new: str, known: Collection[str]) -> None:
    parent = os.path.dirname(old)
    for path in _files(old):
        there = os.path.join(new, os.path.relpath(path, old))
        if os.path.lexists(there) or os.path.relpath(path, parent) in known:
            continue
        try:
            os.makedirs(os.path.dirname(there), exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            continue  # what was a folder is a file now
        _link(path, there)


def _files(folder: str) -> Iterator[str]:
    for where, _, names in os.walk(folder):
        yield from (os.path.join(where, name) for name in names)


def _link(old: str, new: str) -> None:
    """The same file under another name, or a copy where a disk has no such thing."""
    try:
        os.link(old, new, follow_symlinks=False)
    except OSError:
        shutil.copy2(old, new, follow_symlinks=False)


def _put(fresh: str, target: str) -> None:
    from runctl_core.transport.local import LocalTransport
    from runctl_core.transport.whole import replace

    try:
        replace(fresh, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        LocalTransport().put(fresh, target)  # another disk: whole all the same, by a copy
