"""What goes with each call of the receiver: the list of all files, and the contents of some.

A file is read once where that is possible: its hash goes after its content. One that was seen before, or
that the machine may have, is read for its hash first, and goes only when it is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

from runctl_core.sync.hashes import PIECE_BYTES, Changed, Content, Hashes
from runctl_core.sync.receiver.members import UNKNOWN
from runctl_core.sync.selection import Selection

Progress = Callable[[int, int], None]
"""Told how many bytes of how many are on their way."""

_ALONG_BYTES = 32_000_000
"""So much of what was never seen goes with the first call, unasked: hardly any machine has it."""

_UNNAMED = b"0" * 16


class Offer:
    """A selection, as it is told to one machine.

    Args:
        selection: What is to be there.
        hashes: Of its files.
        progress: Told how far it is.
    """

    def __init__(self, selection: Selection, hashes: Hashes, progress: Progress) -> None:
        self._selection = selection
        self._hashes = hashes
        self._progress = progress
        self._contents: list[Content | None] = []
        self._going: Sequence[int] = ()
        self._done_bytes = 0

    def first(self) -> Iterator[bytes]:
        """The first call: with what was never seen, unless that is much. Raises Changed, and StateError for
        a file that cannot be read; so do the others."""
        self._contents = self._hashes.of(self._selection.files)
        fresh = self._unread()
        yield from self._given(fresh if self._size_bytes(fresh) <= _ALONG_BYTES else ())

    def alike(self, numbers: Sequence[int]) -> Iterator[bytes]:
        """The call after the machine said of which files it has some of that size: with all others that
        have no hash yet."""
        for number in numbers:
            self._contents[number] = self._hashes.content(self._selection.files[number].path)
        return self._given(self._unread())

    def missing(self, numbers: Sequence[int]) -> Iterator[bytes]:
        """The call after the machine said what it lacks. What came along was not kept: it goes again."""
        return self._given(sorted({*numbers, *self._going}))

    def sent(self, came: bool) -> tuple[int, int, int]:
        """How many files went to make the tree, how many bytes they have, and how many were there already.

        Args:
            came: Whether what went was needed.
        """
        files = sum(content is not None for content in self._contents)
        going = self._going if came else ()
        return len(going), self._size_bytes(going), files - len(going)

    def _given(self, numbers: Sequence[int]) -> Iterator[bytes]:
        self._going, self._done_bytes = numbers, 0
        rows, is_named = self._manifest(), not self._unread()
        yield _name(rows) if is_named else _UNNAMED
        yield _with_length(rows) + _with_length(b" ".join(b"%d" % number for number in numbers))
        total_bytes = self._size_bytes(numbers)
        for piece in _in_large_pieces(piece for number in numbers for piece in self._file(number)):
            yield piece
            self._progress(self._done_bytes, total_bytes)
        self._hashes.save()
        if not is_named:
            yield _name(self._manifest())

    def _file(self, number: int) -> Iterator[bytes]:
        """When a file was changed, its content, and its hash if that was not in the list."""
        path, content = self._selection.files[number].path, self._contents[number]
        if content is None:
            return
        yield content.changed_ns.to_bytes(8, "big", signed=True)
        if content.digest:
            yield from self._counted(_pieces(os.path.join(self._selection.root, path), content.size_bytes))
            return
        yield from self._counted(self._hashes.pieces(path, content.size_bytes))
        self._contents[number] = read = self._hashes.read[path]
        yield read.digest.encode()

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._done_bytes += len(piece)
            yield piece

    def _unread(self) -> list[int]:
        return [n for n, content in enumerate(self._contents) if content is not None and not content.digest]

    def _size_bytes(self, numbers: Sequence[int]) -> int:
        return sum(content.size_bytes for n in numbers if (content := self._contents[n]))

    def _manifest(self) -> bytes:
        rows = []
        for entry, content in zip(self._selection.files, self._contents, strict=True):
            path = os.fsencode(entry.path)
            if content is None:
                rows.append(b"l 0 0 %s %s\0%s\0" % (UNKNOWN, path, os.fsencode(entry.link or "")))
            else:
                digest = content.digest.encode() or UNKNOWN
                rows.append(b"f %o %d %s %s\0" % (entry.mode, content.size_bytes, digest, path))
        return b"".join(rows)


def _name(manifest: bytes) -> bytes:
    return sha256(manifest).hexdigest()[:16].encode()


def _with_length(data: bytes) -> bytes:
    return len(data).to_bytes(8, "big") + data


def _pieces(path: str, size_bytes: int) -> Iterator[bytes]:
    """So many bytes of a file. Raises Changed when it has fewer by now."""
    try:
        with open(path, "rb", buffering=0) as file:
            while size_bytes:
                data = file.read(min(size_bytes, PIECE_BYTES))
                if not data:
                    raise Changed(path)
                size_bytes -= len(data)
                yield data
    except OSError as error:
        raise Changed(path) from error


def _in_large_pieces(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same, small pieces together; those of a large file are not copied."""
    waiting = bytearray()
    for piece in pieces:
        if len(piece) < PIECE_BYTES:
            waiting += piece
        if len(piece) == PIECE_BYTES or len(waiting) >= PIECE_BYTES:
            yield bytes(waiting)
            waiting.clear()
        if len(piece) == PIECE_BYTES:
            yield piece
    yield bytes(waiting)
