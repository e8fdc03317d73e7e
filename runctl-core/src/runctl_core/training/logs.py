"""The log of a run, wherever it is at the moment: on its resource while it runs, then at home."""

from __future__ import annotations

import os
from collections.abc import Iterator

from runctl_core.errors import NotFound
from runctl_core.executor import JobExecutor, LogName
from runctl_core.models.runs import Run
from runctl_core.training.collect import log_path
from runctl_core.training.engine import handle_of

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
        self._attempt = attempt or run.attempt
        self._executor = executor if self._attempt == run.attempt else None
        self._log = log

    def read(self, offset: int, limit: int = 1 << 20) -> bytes:
        """At most `limit` bytes from `offset` on; empty at the present end.

        Raises:
            NotFound: There is no such log: the script never started.
        """
        path = log_path(self._run.id, self._attempt, self._log)
        try:
            with open(path, "rb") as file:
                file.seek(offset)
                return file.read(limit)
        except FileNotFoundError as error:
            if self._executor is not None:
                return self._executor.logs(handle_of(self._run), offset, limit=limit, log=self._log)
            raise NotFound(
                f"no log of attempt {self._attempt} of {self._run.id}",
                why="the script never started, or its log could not be brought home",
                fix=f"runctl status {self._run.id}",
            ) from error

    def size(self) -> int:
        """Its size at present, in bytes. Raises NotFound."""
        try:
            return os.path.getsize(log_path(self._run.id, self._attempt, self._log))
        except FileNotFoundError:
            return sum(len(data) for data in self.pieces())

    def pieces(self, offset: int = 0) -> Iterator[bytes]:
        """Everything from `offset` to the present end. Raises NotFound."""
        while data := self.read(offset):
            offset += len(data)
            yield data

    def tail_offset(self, lines: int) -> int:
        """The offset at which the last `lines` lines begin. Raises NotFound."""
        end = start = self.size()
        if lines <= 0:
            return end
        seen = b""
        while start > 0 and seen.count(b"\n") <= lines:
            block = min(_BLOCK, start)
            start -= block
            seen = self.read(start, block) + seen
        return end - sum(len(line) for line in _lines(seen)[-lines:])


def _lines(data: bytes) -> list[bytes]:
    """Lines as a terminal counts them: a carriage return does not end one."""
    pieces = data.split(b"\n")
    return [piece + b"\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
