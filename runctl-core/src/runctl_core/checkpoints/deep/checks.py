"""Which check reads a file of a checkpoint to its end, by its suffix and its first bytes."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_core.checkpoints import zips
from runctl_core.checkpoints.contents import ITSELF, Advance, Unreadable, located
from runctl_core.checkpoints.deep import archive, pickle_stream
from runctl_core.checkpoints.formats.files import by_suffix
from runctl_core.checkpoints.verdict import Finding

_ARCHIVES = frozenset({"pytorch", "npz", "keras"})


def is_read(path: str, file: str) -> bool:
    """Whether `check` reads more of this file than its headers."""
    form = by_suffix(path if file == ITSELF else file)
    return form is not None and (form.name in _ARCHIVES or form.name == "pickle")


def check(path: str, file: str, advance: Advance) -> Iterator[Finding]:
    """What is wrong with one file of a checkpoint, or cannot be told. Raises OSError."""
    form = by_suffix(path if file == ITSELF else file)
    if form is None:
        return
    try:
        real = located(path, file)
    except Unreadable as error:
        yield Finding(file, f"not read: {error}", damage=False)
        return
    if form.name == "pickle":
        yield from pickle_stream.check(real, file, advance)
    elif form.name in _ARCHIVES and zips.is_archive(real):
        yield from archive.check(real, file, advance, arrays=form.name == "npz")
