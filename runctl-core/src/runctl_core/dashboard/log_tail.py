"""The end of a log that grows, in a bounded number of lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from runctl_core.dashboard import inert

KEPT_LINES = 5000
PIECE_BYTES = 1 << 18


class LogTail:
    """The last lines of a log. A log that grows faster than it is read is taken up at its end again.

    Args:
        read: Gives at most so many bytes (its second argument) from an offset (its first) on.
        size: Tells how long the log is.
    """

    def __init__(self, read: Callable[[int, int], bytes], size: Callable[[], int]) -> None:
        self._read = read
        self._size = size
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._unfinished = b""
        self._offset = 0
        self.cut = False
        self._skip_to_end()

    def grown(self) -> bool:
        """Read what is new, at most a piece of it. Returns whether there was any."""
        data = self._read(self._offset, PIECE_BYTES)
        self._offset += len(data)
        whole, newline, rest = (self._unfinished + data).rpartition(b"\n")
        added = inert.lines(whole + newline)
        self.cut = self.cut or len(self._lines) + len(added) > KEPT_LINES
        self._lines.extend(added)
        # Of a line without an end, no more is kept than can be shown.
        self._unfinished = rest[-4 * inert.LONGEST :]
        if len(data) == PIECE_BYTES:
            self._skip_to_end()
        return bool(data)

    def lines(self) -> tuple[str, ...]:
        """What there is, an unfinished last line included."""
        return (*self._lines, *inert.lines(self._unfinished))

    def _skip_to_end(self) -> None:
        end = self._size() - PIECE_BYTES
        if end > self._offset:
            self._offset, self._unfinished, self.cut = end, b"", True
            self._lines.clear()
