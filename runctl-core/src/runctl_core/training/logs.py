"""The log of a run, wherever it is at the moment: on its resource while it runs, then at home."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from runctl_core.errors import NotFound
from runctl_core.executor import JobExecutor, LogName
from runctl_core.models.runs import Run, handle_of
from runctl_core.training.kept_log import log_path

_BLOCK = 1 << 16


class LogSource:
    """One log of one attempt, to be read at any offset.

    Args:
        run: The run.
        executor: Of the run's resource, while it has one.
        log: The script's own output, or that of the set-up programs.
        attempt: The attempt; the latest by default.
    """

    def __init__(
        self,
        run: Run,
        executor: JobExecutor | None = None,
        *,
        log: LogName = "job",
        attempt: int | None = None,
    ) -> None:
        self._run = run
        self.attempt = attempt or run.attempt
        self._executor = executor if self.attempt == run.attempt else None
        self.log: LogName = log

    def read(self, offset: int, limit: int = 1 << 20) -> bytes:
        """At most `limit` bytes from `offset` on; empty at the present end.

        Raises:
            NotFound: There is no such log: the script never started.
        """
        try:
            return self._at_home(offset, limit)
        except FileNotFoundError:
            if self._executor is None:
                raise self._none() from None
        try:
            return self._executor.logs(handle_of(self._run), offset, limit=limit, log=self.log)
        except NotFound:
            try:
                return self._at_home(offset, limit)  # it was brought home this very moment
            except FileNotFoundError:
                raise self._none() from None

    def _at_home(self, offset: int, limit: int) -> bytes:
        with open(log_path(self._run.id, self.attempt, self.log), "rb") as file:
            file.seek(offset)
            return file.read(limit)

    def _none(self) -> NotFound:
        what = "set-up log" if self.log == "setup" else "log"
        if self.attempt == self._run.attempt and not self._run.state.over:
            why = f"the run is {self._run.state}: nothing was printed yet"
        elif self.attempt > self._run.attempt:
            why = f"its latest attempt is {self._run.attempt}"
        else:
            why = "nothing was started, or its log could not be brought home"
        return NotFound(
            f"no {what} of attempt {self.attempt} of {self._run.id}",
            why=why,
            fix=f"runctl status {self._run.id}",
        )

    def size(self) -> int:
        """Its size at present, in bytes. Raises NotFound."""
        try:
            return os.path.getsize(log_path(self._run.id, self.attempt, self.log))
        except FileNotFoundError:
            known = self._known_size()
            return known + sum(len(data) for data in self.pieces(known))

    def _known_size(self) -> int:
        """What the runner said of it a moment ago: it never shrinks."""
        if self._executor is None or self.log != "job":
            return 0
        try:
            return self._executor.status(handle_of(self._run)).log_bytes
        except NotFound:
            return 0

    def pieces(self, offset: int = 0) -> Iterator[bytes]:
        """Everything from `offset` to the present end. Raises NotFound."""
        while data := self.read(offset):
            offset += len(data)
            yield data

    def tail_offset(self, lines: int) -> int:
        """The offset at which the last `lines` lines begin. Raises NotFound."""
        return tail_offset(self.read, self.size(), lines)


def tail_offset(read: Callable[[int, int], bytes], size_bytes: int, lines: int) -> int:
    """The offset at which the last `lines` lines of a log begin.

    Lines are what a newline ends, as a terminal counts them: a carriage return does not end one.

    Args:
        read: Gives at most so many bytes (its second argument) from an offset (its first) on.
        size_bytes: Where the log ends.
        lines: How many lines; 0 gives the end.
    """
    if lines <= 0:
        return size_bytes
    start, wanted = size_bytes, lines
    while start > 0:
        block_start = max(0, start - _BLOCK)
        block = _exactly(read, block_start, start - block_start)
        # The newline that ends the last line begins no further one.
        at = len(block) - 1 if start == size_bytes and block.endswith(b"\n") else len(block)
        while (at := block.rfind(b"\n", 0, at)) >= 0:
            wanted -= 1
            if wanted == 0:
                return block_start + at + 1
        start = block_start
    return 0


def _exactly(read: Callable[[int, int], bytes], offset: int, size_bytes: int) -> bytes:
    pieces: list[bytes] = []
    while size_bytes > 0 and (data := read(offset, size_bytes)):
        pieces.append(data)
        offset += len(data)
        size_bytes -= len(data)
    return b"".join(pieces)
