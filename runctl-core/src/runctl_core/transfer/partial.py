"""A file on its way to its name: it may be continued by a later process, and appears only when whole.

It lies beside its target under a name that nobody takes for data. A journal beside it says, every few
megabytes, how much was written and the hash of that: what a later process finds is used as far as it
proves itself. Its lock is the kernel's, so that two commands never write one file.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from types import TracebackType

from runctl_core.errors import Refused, StateError
from runctl_core.locks import is_at, is_locked, lock
from runctl_core.transfer.items import PARTIAL

_JOURNAL = ".journal"
_RECORD_BYTES = 16 << 20
"""After how much a journal gets another record: a smaller file is begun anew instead."""

_READ_BYTES = 1 << 20


def partial_name(key: str, name: str, identity: str) -> str:
    """The name of what is on its way: of this transfer, this file, and this state of its source."""
    return _mark(key) + _short_hash(f"{name}\n{identity}", 20)


def settle(folder: str, key: str, wanted: set[str]) -> None:
    """Delete what killed commands with this key left in a folder, but for names that are wanted."""
    mark = _mark(key)
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        path = os.path.join(folder, name)
        if not name.startswith(mark) or name.removesuffix(_JOURNAL) in wanted:
            continue
        if name.endswith(_JOURNAL):
            if not os.path.lexists(path.removesuffix(_JOURNAL)):
                _unlink(path)
        elif not is_locked(path):
            _unlink(path)
            _unlink(path + _JOURNAL)


class Partial:
    """What is there of `target` already. A context manager; `finish` gives it its name.

    Left without `finish`, it stays for the next process when enough of it is proven, and goes otherwise.

    Args:
        target: The file that it becomes.
        key: The transfer that it belongs to; see `partial_name`.
        identity: The state of its source, as `Item.identity` has it.
        mode: Its permissions; those of any new file by default.

    Attributes:
        size_bytes: How much of it there is, proven by its hash.
    """

    def __init__(self, target: str, key: str, identity: str, *, mode: int | None = None) -> None:
        folder, name = os.path.split(target)
        self._target = target
        self._path = os.path.join(folder, partial_name(key, name, identity))
        self._journal = self._path + _JOURNAL
        self._mode = mode
        self._hash = hashlib.sha256()
        self._recorded = 0
        self._fd = -1
        self.size_bytes = 0

    def __enter__(self) -> Partial:
        self._fd = self._locked()
        try:
            self._resume()
        except BaseException:
            os.close(self._fd)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None and not self._recorded:
            _unlink(self._path)
            _unlink(self._journal)
        os.close(self._fd)

    def write(self, data: bytes) -> None:
        """Add bytes. Raises OSError."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]
        self._hash.update(data)
        self.size_bytes += len(data)
        if self.size_bytes - self._recorded >= _RECORD_BYTES:
            self._record()

    def discard(self) -> None:
        """Throw it away; nothing may be written any more."""
        self._restart()
        _unlink(self._path)

    def _restart(self) -> None:
        _unlink(self._journal)
        self._hash, self._recorded, self.size_bytes = hashlib.sha256(), 0, 0
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)

    def finish(self, modified_ns: int) -> None:
        """Hold what lies on the disk against what was written, and give it its name.

        Raises:
            StateError: They differ, and nothing is left of it.
            OSError: The disk refuses.
        """
        os.fsync(self._fd)
        os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)  # read the disk back, not the memory
        if self._hashed(self.size_bytes).digest() != self._hash.digest():
            self.discard()
            raise StateError(
                f"{self._target} cannot be written: what lies on the disk is not what was written",
                fix="check the disk, then try again",
            )
        if self._mode is not None:
            os.fchmod(self._fd, self._mode)
        os.utime(self._fd, ns=(modified_ns, modified_ns))
        os.replace(self._path, self._target)
        _unlink(self._journal)

    def _locked(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        while True:
            fd = os.open(self._path, flags, 0o666 if self._mode is None else 0o600)
            if not lock(fd):
                os.close(fd)
                raise Refused(
                    f"another runctl command writes {self._target} right now",
                    fix="wait for it, then try again",
                )
            if is_at(fd, self._path):
                return fd
            os.close(fd)  # its last holder finished it, or threw it away, between our two calls

    def _resume(self) -> None:
        """Keep as much of it as its journal proves."""
        there = os.fstat(self._fd).st_size
        proven = [row for row in _records(self._journal) if row[0] <= there]
        if proven:
            size_bytes, digest = proven[-1]
            found = self._hashed(size_bytes)
            if found.hexdigest() == digest:
                self._hash, self._recorded, self.size_bytes = found, size_bytes, size_bytes
                os.ftruncate(self._fd, size_bytes)
                os.lseek(self._fd, size_bytes, os.SEEK_SET)
                return
        self._restart()

    def _record(self) -> None:
        with open(self._journal, "a", encoding="ascii") as journal:
            journal.write(f"{self.size_bytes} {self._hash.hexdigest()}\n")
        self._recorded = self.size_bytes

    def _hashed(self, size_bytes: int) -> hashlib._Hash:
        """The hash of so many bytes as they lie there."""
        found, at = hashlib.sha256(), 0
        while at < size_bytes and (data := os.pread(self._fd, min(_READ_BYTES, size_bytes - at), at)):
            found.update(data)
            at += len(data)
        return found


def _mark(key: str) -> str:
    return f"{PARTIAL}{_short_hash(key, 12)}-"


def _short_hash(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:digits]


def _records(journal: str) -> list[tuple[int, str]]:
    """What a journal says, oldest first; a line that a kill cut short says nothing."""
    try:
        with open(journal, encoding="ascii", errors="replace") as file:
            lines = [line.split() for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return []
    return [(int(words[0]), words[1]) for words in lines if len(words) == 2 and words[0].isdecimal()]


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
