"""One pass over a folder: what in it is a checkpoint by its name, and what its directory entry tells.

No file is opened. Ten thousand files take little longer than to ask for their sizes, so that the loop is
written for speed: tuples, one lookup for a suffix, and no order among those that nobody asks for.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from heapq import nlargest
from itertools import chain, islice
from operator import eq, itemgetter
from stat import S_IFREG
from typing import overload

from runctl_core.checkpoints.formats import Format, claim_file, claim_folder, made_of_parts
from runctl_core.checkpoints.formats.files import BY_SUFFIX
from runctl_core.checkpoints.formats.known import COMPANIONS
from runctl_core.checkpoints.formats.orbax import ORBAX
from runctl_core.checkpoints.naming import step_in

Entry = tuple[int, str, str, int | None, Format]
"""When it was changed, in nanoseconds; the folder that it is in; its name; its size in bytes, or None for
a folder; its format."""

MOST_ENTRIES = 100_000
"""So many checkpoints of a folder are kept, the newest ones: a folder of millions takes no memory."""

_FIRST = 32
"""So many of the newest are put in order at once, which is more than a terminal shows."""

_UNFINISHED = (".tmp", ".part", ".partial", ".incomplete", ".lock", "~")
_KIND = 0o170000


class Entries(Sequence[Entry]):
    """Entries, newest first, put in order as far as they are asked for: few people want all of them.

    Time decides, and the step among those of one time: a resumed run may count its steps anew.
    """

    def __init__(self, found: list[Entry]) -> None:
        self._found = found
        self._in_order = _newest(found, _FIRST)

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | Sequence[Entry]:
        within = isinstance(index, int) and 0 <= index < len(self._in_order)
        if not within and len(self._in_order) < len(self._found):
            self._in_order = _sorted(self._found)
        return self._in_order[index]


def scan(folder: str) -> tuple[Entries, int]:
    """The checkpoints in a folder and one level below it, and how many older ones were left out. Empty
    for no folder.

    A folder whose files are parts of one checkpoint is that checkpoint, beside the folders in it.
    """
    found: list[Entry] = []
    whole = _entry_of(folder, made_of_parts(folder))
    if whole and whole[4] is ORBAX:
        return Entries([whole]), 0  # what is below are its items
    left_out = _scan(folder, found, files=whole is None, below=True)
    found += [whole] if whole else []
    left_out += _keep_newest(found)
    return Entries(found), left_out


def path_of(entry: Entry) -> str:
    """The path of an entry."""
    return os.path.join(entry[1], entry[2])


def _scan(folder: str, found: list[Entry], *, files: bool, below: bool) -> int:
    """Add what is in a folder. Returns how many older ones it had to drop for lack of room."""
    folders: list[str] = []
    dropped = 0
    try:
        with _opened(folder) as items:
            for first in items:
                batch = chain((first,), islice(items, MOST_ENTRIES))
                folders += _add(batch, folder, found, files=files)
                dropped += _keep_newest(found) if len(found) > 2 * MOST_ENTRIES else 0
    except OSError:
        return dropped  # it went away, or it may not be read
    for name in folders:
        path = os.path.join(folder, name)
        if entry := _entry_of(path, claim_folder(path)):
            found.append(entry)
        elif below:
            dropped += _scan(path, found, files=True, below=False)
    return dropped


@contextmanager
def _opened(folder: str) -> Iterator[Iterator[os.DirEntry[str]]]:
    """The entries of a folder. The kernel looks each up in the folder itself, not from the root anew,
    which would take an eighth longer."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.scandir(directory) as items:
            yield items
    finally:
        os.close(directory)


def _add(items: Iterable[os.DirEntry[str]], folder: str, found: list[Entry], *, files: bool) -> list[str]:
    """Add the files among some directory entries that are checkpoints. Returns the folders among them."""
    folders, known, add = [], BY_SUFFIX.get, found.append
    for item in items:
        name = item.name
        form = known(name[name.rfind(".") :])
        try:
            if form is None or name[0] == "." or "-of-" in name or name in COMPANIONS:
                if name[0] == "." or name.endswith(_UNFINISHED):
                    continue
                if item.is_dir(follow_symlinks=False):
                    folders.append(name)
                    continue
                form = claim_file(name)
            if form is None or not files:
                continue
            status = item.stat()
        except OSError:
            continue  # it went away, or it is a link to nothing
        if status.st_mode & _KIND == S_IFREG:
            add((status.st_mtime_ns, folder, name, status.st_size, form))
        elif item.is_dir(follow_symlinks=False):
            folders.append(name)
    return folders


def _entry_of(path: str, form: Format | None) -> Entry | None:
    """A folder as an entry; None when no format claims it, or it went away."""
    try:
        return (os.stat(path).st_mtime_ns, *os.path.split(path), None, form) if form else None
    except OSError:
        return None


def _keep_newest(found: list[Entry]) -> int:
    """Cut what is more than can be kept, and say how many were cut."""
    cut = len(found) - MOST_ENTRIES
    if cut <= 0:
        return 0
    found[:] = _sorted(found)[:MOST_ENTRIES]
    return cut


def _newest(found: list[Entry], count: int) -> list[Entry]:
    """The first ones of the order, without putting the others into it."""
    latest = nlargest(count, found, key=itemgetter(0))
    return _sorted([entry for entry in found if entry[0] >= latest[-1][0]])[:count] if latest else []


def _sorted(found: list[Entry]) -> list[Entry]:
    """By time; the steps in names are only read where times are equal."""
    in_order = sorted(found, key=itemgetter(0), reverse=True)
    times = [entry[0] for entry in in_order]
    if any(map(eq, times, islice(times, 1, None))):
        in_order.sort(key=_age, reverse=True)
    return in_order


def _age(entry: Entry) -> tuple[int, int, str]:
    return entry[0], step_in(entry[2]) or 0, path_of(entry)
