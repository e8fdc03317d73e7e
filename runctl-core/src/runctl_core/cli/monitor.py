"""`runctl monitor`: any log file and any folder of checkpoints, whoever writes them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, BinaryIO

from typer import Exit, Option

from runctl_core.cli import output
from runctl_core.cli.follow import require_one_document
from runctl_core.cli.options import JsonFlag

if TYPE_CHECKING:
    from datetime import datetime

    from runctl_core.models.checkpoints import Checkpoint

_LOOK_S = 0.2


def monitor(
    log: Annotated[str | None, Option(metavar="FILE", help="A log file to show.")] = None,
    checkpoint: Annotated[
        str | None, Option(metavar="FOLDER", help="A folder of checkpoints to watch.")
    ] = None,
    follow: Annotated[bool, Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    tail: Annotated[int, Option(metavar="LINES", min=0, help="Lines of the log to begin with.")] = 10,
    json: JsonFlag = False,
) -> None:
    """Watch any log file and any folder of checkpoints, whoever writes them.

    With --follow both may appear later, and a log that is rotated or cut is read on from its
    beginning. The log's bytes go to standard output, checkpoints are named beside it.

    Examples:
        runctl monitor --log train.log --checkpoint checkpoints -f
        runctl monitor --checkpoint checkpoints --json
    """
    from runctl_core.errors import UsageError

    if log is None and checkpoint is None:
        raise UsageError("nothing to watch", fix="runctl monitor --log train.log")
    require_one_document(follow, json)
    _require(log, checkpoint, follow)
    if json:
        output.print_json(_document(log, checkpoint, tail))
        return
    try:
        _show(log, checkpoint, tail, follow)
    except KeyboardInterrupt:
        raise Exit(130) from None


def _require(log: str | None, checkpoint: str | None, follow: bool) -> None:
    from runctl_core.errors import NotFound, UsageError

    for path in (log, checkpoint):
        if path is not None and not follow and not os.path.exists(path):
            raise NotFound(f"nothing at {path}", fix="check the path, or wait for it with --follow")
    if log is not None and os.path.exists(log) and not os.path.isfile(log):
        raise UsageError(f"{log} is no regular file", fix=f"runctl monitor --checkpoint {log} for a folder")
    if checkpoint is not None and os.path.exists(checkpoint) and not os.path.isdir(checkpoint):
        raise UsageError(f"{checkpoint} is no folder", fix=f"runctl checkpoint info {checkpoint}")


def _document(log: str | None, checkpoint: str | None, tail: int) -> dict[str, object]:
    from runctl_core.checkpoints import find
    from runctl_core.training.documents import of_checkpoint

    found = find(checkpoint) if checkpoint else []
    shown = None
    if log:
        watched = LogFile(log, tail)
        lines = watched.read().decode(errors="replace").removesuffix("\n").split("\n")
        shown = {"path": log, "size_bytes": watched.offset, "tail": lines if lines != [""] else []}
    return {
        "log": shown,
        "checkpoints": [of_checkpoint(c) for c in found],
    }


def _show(log: str | None, checkpoint: str | None, tail: int, follow: bool) -> None:
    from runctl_core.cli.reporter import TerminalReporter

    reporter = TerminalReporter()
    watched = LogFile(log, tail) if log else None
    folder = Folder(checkpoint) if checkpoint else None
    if log and not os.path.exists(log):
        output.note(f"waiting for {log}")
    while True:
        while watched and (data := watched.read()):
            reporter.log(data)
        for found in folder.news() if folder else ():
            _announce(found)
        if not follow:
            return
        reporter.quiet()
        time.sleep(_LOOK_S)


def _announce(found: Checkpoint) -> None:
    what = "checkpoint" if found.complete else f"not whole ({found.problem})"
    step = "" if found.step is None else f", step {found.step}"
    output.note(f"{what}: {found.path}{step}, {output.size(found.size_bytes)}")


class Folder:
    """A folder of checkpoints: each is told when it is new, and again when it became whole, or is no more.

    Only what has changed since the last look is opened.

    Args:
        path: Where it is, or will be.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._states: dict[str, tuple[datetime, int]] = {}
        self._verdicts: dict[str, bool | None] = {}

    def news(self) -> Iterator[Checkpoint]:
        """What is new, or has another verdict, oldest first."""
        from runctl_core.checkpoints import describe, listing
        from runctl_core.errors import NotFound

        for seen in reversed(listing(self._path, look_into=0)):
            state = (seen.modified_at, seen.size_bytes)
            if self._states.get(seen.path) == state:
                continue
            self._states[seen.path] = state
            try:
                found = describe(seen.path)
            except NotFound:
                continue  # it went away
            if self._verdicts.get(found.path, ...) != found.complete:
                self._verdicts[found.path] = found.complete
                yield found


class LogFile:
    """A file that others write: each byte once, also when it is cut, or replaced by a new one.

    A replaced file is read to its end before the new one is begun.

    Args:
        path: Where it is, or will be.
        tail: With how many of its last lines to begin.
    """

    def __init__(self, path: str, tail: int) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self.offset = 0
        if self._open() and self._file is not None:
            self.offset = self._tail_offset(self._file.fileno(), tail)

    def read(self, limit: int = 1 << 20) -> bytes:
        """At most `limit` bytes that were not read yet; empty when there are none now."""
        while self._file is not None or self._open():
            if data := self._next(limit):
                return data
            if not self._replaced() or not self._open():
                break
        return b""

    def _open(self) -> bool:
        try:
            opened = open(self._path, "rb")  # noqa: SIM115  a rotated file is read to its end
        except FileNotFoundError:
            return False
        if self._file is not None:
            self._file.close()
        self._file, self.offset = opened, 0
        return True

    def _next(self, limit: int) -> bytes:
        if self._file is None:
            return b""
        if os.fstat(self._file.fileno()).st_size < self.offset:
            self.offset = 0
        data = os.pread(self._file.fileno(), limit, self.offset)
        self.offset += len(data)
        return data

    def _replaced(self) -> bool:
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return False
        return self._file is not None and not os.path.samestat(there, os.fstat(self._file.fileno()))

    def _tail_offset(self, handle: int, lines: int) -> int:
        from runctl_core.training.logs import tail_offset

        return tail_offset(lambda at, limit: os.pread(handle, limit, at), os.fstat(handle).st_size, lines)
