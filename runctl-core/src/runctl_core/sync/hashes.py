"""The hash of each file's content, kept beside runctl's state so that an unchanged file is not read again.

A file that was changed a moment ago is always read: it may change once more within one tick of the
clock, and look the same.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property

from attrs import frozen

from runctl_core.errors import StateError
from runctl_core.paths import ensure_private_dir, state_dir, write_whole
from runctl_core.sync.selection import Entry

_FORMAT = b"runctl hashes 2"
_SETTLED_NS = 2_000_000_000
"""The coarsest clock of a file system that people use ticks every two seconds."""

_UNSETTLED = b"-" * 64
"""Instead of a hash: such a file was there, and has to be read again to know its content."""

PIECE_BYTES = 1 << 20


class Changed(Exception):
    """A file is not what it was when it was selected, or is gone."""


@frozen
class Content:
    """A file's content at one moment.

    Attributes:
        digest: The SHA-256 of it, in hexadecimal; empty for a file that was never seen like this.
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
        self._trusted = trusted
        self._used: dict[str, bytes] = {}
        self.read: dict[str, Content] = {}
        """What was read so far, by path."""
        self._news = False

    def of(self, entries: Iterable[Entry]) -> list[Content | None]:
        """The content of each, in order; None for a link. The hash of a file is left out when none of its
        size and modification time was kept, under whatever name. Raises as `content`."""
        return [None if entry.link is not None else self._seen(entry) for entry in entries]

    def content(self, path: str) -> Content:
        """What a file has, from reading it. Raises Changed, and StateError for one that cannot be read."""
        for _ in self.pieces(path):
            pass
        return self.read[path]

    def pieces(self, path: str, size_bytes: int | None = None) -> Iterator[bytes]:
        """What a file has, piece by piece; then it is among what was read.

        Args:
            path: Which one.
            size_bytes: How long it was announced to be.

        Raises:
            Changed: It has another length, or was written meanwhile.
            StateError: It cannot be read.
        """
        with self._in_our_words(path), open(f"{self._root}/{path}", "rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            if size_bytes not in (None, before.st_size):
                raise Changed(path)
            digest, rest = hashlib.sha256(), before.st_size
            while rest > 0 and (data := file.read(min(rest, PIECE_BYTES))):
                digest.update(data)
                rest -= len(data)
                yield data
            if rest or _look(before) != _look(os.fstat(file.fileno())):
                raise Changed(path)
        self._learn(path, before, digest.hexdigest().encode())

    def save(self) -> None:
        """Keep what was learned. What cannot be kept is read again next time."""
        if self._news:
            data = b"\0".join([_FORMAT, *(b"%s %s" % (row, os.fsencode(p)) for p, row in self._used.items())])
            with suppress(OSError, StateError):
                ensure_private_dir(os.path.dirname(self._path))
                write_whole(self._path, [data], mode=0o600)

    def _seen(self, entry: Entry) -> Content:
        path = entry.path
        found = entry.seen or self._stat(path)
        look = _look(found)
        known = self._used.get(path) or self._kept.get(path)
        if known and known.startswith(look) and not known.endswith(_UNSETTLED):
            self._used[path] = known
            return _content(known)
        if _stamp(look) in self._stamps or not self._trusted:
            return self.content(path)
        return Content("", found.st_size, found.st_mtime_ns)

    @cached_property
    def _stamps(self) -> set[bytes]:
        return {_stamp(row) for row in self._kept.values()}

    def _stat(self, path: str) -> os.stat_result:
        with self._in_our_words(path):
            return os.stat(f"{self._root}/{path}")

    def _learn(self, path: str, found: os.stat_result, digest: bytes) -> None:
        is_settled = max(found.st_mtime_ns, found.st_ctime_ns) < time.time_ns() - _SETTLED_NS
        row = _look(found) + (digest if is_settled else _UNSETTLED)
        self._news = self._news or self._used.get(path) != row
        self._used[path] = row
        self.read[path] = _content(_look(found) + digest)

    @contextmanager
    def _in_our_words(self, path: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Changed(path) from error
        except OSError as error:
            raise StateError(
                f"cannot read {self._root}/{path}",
                why=error.strerror or "",
                fix="make it yours, or name it in .runctlignore",
            ) from error


def _look(found: os.stat_result) -> bytes:
    return b"%d %d %d %d " % (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _stamp(row: bytes) -> bytes:
    """Size and modification time: of what a file keeps when it is renamed, or gets another mode."""
    size, changed, _ = row.split(b" ", 2)
    return b"%s %s" % (size, changed)


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
