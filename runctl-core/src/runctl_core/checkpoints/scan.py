"""One pass over a folder: what in it is a checkpoint by its name, and what its directory entry tells.

No file is opened. Ten thousand files take little longer than to ask for their sizes, so that the loop is
written for speed: tuples, one lookup for a suffix, and the step in a name only where times are equal.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import chain, islice
from operator import itemgetter
from stat import S_IFREG

from runctl_core.checkpoints.formats import Format, claim_file, claim_folder, made_of_parts
from runctl_core.checkpoints.formats.files import BY_SUFFIX
from runctl_core.checkpoints.naming import step_in

Entry = tuple[int, str, int, Format, bool]
"""When it was changed, in nanoseconds; its path; its size in bytes (0 for a folder); its format; whether
it is a folder."""

MOST_ENTRIES = 100_000
"""So many checkpoints of a folder are kept, the newest ones: a folder of millions takes no memory."""

_UNFINISHED = (".tmp", ".part", ".partial", ".incomplete", ".lock", "~")
_KIND = 0o170000
_OF_SUFFIX = {suffix[1:]: form for suffix, form in BY_SUFFIX.items()}


def scan(folder: str) -> tuple[list[Entry], int]:
    """The checkpoints in a folder and one level below it, newest first, and how many older ones were left
    out. Empty for no folder.

    A folder whose files are parts of one checkpoint is that checkpoint, beside the folders in it.
    """
    found: list[Entry] = []
    whole = _entry_of(folder, made_of_parts(folder))
    left_out = _scan(folder, found, files=whole is None, below=True)
    found += [whole] if whole else []
    return found, left_out + _keep_newest(found)


def _scan(folder: str, found: list[Entry], *, files: bool, below: bool) -> int:
    """Add what is in a folder. Returns how many older ones it had to drop for lack of room."""
    folders, dropped = [], 0
    try:
        with os.scandir(folder) as items:
            for first in items:
                folders += _add(chain((first,), islice(items, MOST_ENTRIES)), found, files=files)
                dropped += _keep_newest(found) if len(found) > 2 * MOST_ENTRIES else 0
    except OSError:
        return dropped  # it went away, or it may not be read
    for path in folders:
        if entry := _entry_of(path, claim_folder(path)):
            found.append(entry)
        elif below:
            dropped += _scan(path, found, files=True, below=False)
    return dropped


def _add(items: Iterable[os.DirEntry[str]], found: list[Entry], *, files: bool) -> list[str]:
    """Add the files among some directory entries that are checkpoints. Returns the folders among them."""
    folders, known, add = [], _OF_SUFFIX.get, found.append
    for item in items:
        name = item.name
        form = known(name.rpartition(".")[2])
        try:
            if form is None or name[0] == "." or "-of-" in name:
                if name[0] == "." or name.endswith(_UNFINISHED):
                    continue
                if item.is_dir(follow_symlinks=False):
                    folders.append(item.path)
                    continue
                form = claim_file(name)
            if form is None or not files:
                continue
            status = item.stat()
        except OSError:
            continue  # it went away, or it is a link to nothing
        if status.st_mode & _KIND == S_IFREG:
            add((status.st_mtime_ns, item.path, status.st_size, form, False))
        elif item.is_dir(follow_symlinks=False):
            folders.append(item.path)
    return folders


def _entry_of(folder: str, form: Format | None) -> Entry | None:
    try:
        return (os.stat(folder).st_mtime_ns, folder, 0, form, True) if form else None
    except OSError:
        return None


def _keep_newest(found: list[Entry]) -> int:
    """Sort, cut, and say how many were cut. Time decides, and the step among those of one time: a resumed
    run may count its steps anew."""
    found.sort(key=itemgetter(0), reverse=True)
    if len({entry[0] for entry in found}) < len(found):
        found.sort(key=_age, reverse=True)
    cut = max(0, len(found) - MOST_ENTRIES)
    del found[MOST_ENTRIES:]
    return cut


def _age(entry: Entry) -> tuple[int, int, str]:
    return entry[0], step_in(os.path.basename(entry[1])) or 0, entry[1]
