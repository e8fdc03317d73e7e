"""The hash of each file's content, kept beside runctl's state so that an unchanged file is not read again.

A file that was changed a moment ago is always read: it may change once more within one tick of the
clock, and look the same.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from contextlib import suppress

from attrs import frozen

from runctl_core.errors import StateError
from runctl_core.paths import ensure_private_dir, state_dir, write_whole
from runctl_core.sync.selection import Entry

_FORMAT = b"runctl hashes 1"
_SETTLED_NS = 2_000_000_000
"""The coarsest clock of a file system that people use ticks every two seconds."""

_PIECE_BYTES = 1 << 20


class Changed(Exception):
    """A file is not what it was when it was selected, or is gone."""


@frozen
class Content:
    """A file's content at one moment.

    Attributes:
        digest: The SHA-256 of it, in hexadecimal.
        size_bytes: How long it is.
        changed_ns: When the file was changed, in nanoseconds since 1970.
    """

    digest: str
    size_bytes: int
    changed_ns: int


class Hashes:
    """The contents of files below a folder.

    Args:
        root: The folder.
        trusted: Whether what was kept is used; else every file is read.
    """

    def __init__(self, root: str, *, trusted: bool = True) -> None:
        name = hashlib.sha256(os.fsencode(root)).hexdigest()[:20]
        self._root = root
        self._path = os.path.join(state_dir(), "sync", name)
        self._kept = _read(self._path) if trusted else {}
        self._used: dict[str, bytes] = {}
        self._news = False
        self.fresh: set[str] = set()
        """Paths whose content is another one than what was kept, or new beside it."""

    def of(self, entries: Iterable[Entry]) -> list[Content | None]:
        """The content of each, in order; None for a link. Raises Changed, and StateError for one that
        cannot be read."""
        return [None if entry.link is not None else self._content(entry) for entry in entries]

    def save(self) -> None:
        """Keep what was learned. What cannot be kept is read again next time."""
        if self._news:
            data = b"\0".join([_FORMAT, *(b"%s %s" % (row, os.fsencode(p)) for p, row in self._used.items())])
            with suppress(OSError, StateError):
                ensure_private_dir(os.path.dirname(self._path))
                write_whole(self._path, [data], mode=0o600)

    def _content(self, entry: Entry) -> Content:
        path = entry.path
        full = f"{self._root}/{path}"
        try:
            look = _look(entry.seen or os.stat(full))
            known = self._kept.get(path)
            if known and known.startswith(look):
                self._used[path] = known
                return _content(known)
            if self._kept:
                self.fresh.add(path)
            return self._read_anew(path, full)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Changed(path) from error
        except OSError as error:
            raise StateError(
                f"cannot read {full}",
                why=error.strerror or "",
                fix="make it yours, or name it in .runctlignore",
            ) from error

    def _read_anew(self, path: str, full: str) -> Content:
        with open(full, "rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            digest = hashlib.sha256()
            while data := file.read(_PIECE_BYTES):
                digest.update(data)
            after = os.fstat(file.fileno())
        if _look(before) != _look(after):
            raise Changed(path)
        row = b"%s%s" % (_look(after), digest.hexdigest().encode())
        if max(after.st_mtime_ns, after.st_ctime_ns) < time.time_ns() - _SETTLED_NS:
            self._used[path] = row
            self._news = True
        return _content(row)


def _look(found: os.stat_result) -> bytes:
    return b"%d %d %d %d " % (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _content(row: bytes) -> Content:
    size, changed, _, _, digest = row.split(b" ")
    return Content(digest.decode(), int(size), int(changed))


def _read(path: str) -> dict[str, bytes]:
    """What was kept, by path; nothing when that is damaged."""
    try:
        with open(path, "rb") as file:
            first, *rows = file.read().split(b"\0")
    except OSError:
        return {}
    if first != _FORMAT:
        return {}
    found = {}
    for row in rows:
        words = row.split(b" ", 5)
        if len(words) == 6 and len(words[4]) == 64:
            found[os.fsdecode(words[5])] = row[: -len(words[5]) - 1]
    return found
