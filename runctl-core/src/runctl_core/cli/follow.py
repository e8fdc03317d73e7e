"""`runctl logs`, `attach` and `monitor`: the output of a run, or of any log file, as it is written."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Annotated

from typer import Exit, Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, RunArgument
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from runctl_core.cli.progress import TerminalReporter
    from runctl_core.executor import JobExecutor, LogName
    from runctl_core.models.runs import Run

_TAIL_READ = 1 << 16


def logs(
    run: RunArgument,
    follow: Annotated[bool, Option("--follow", "-f", help="Go on until the run is over.")] = False,
    tail: Annotated[int | None, Option(metavar="LINES", help="Begin so many lines before the end.")] = None,
    attempt: Annotated[int | None, Option(help="Of an earlier attempt; the latest by default.")] = None,
    setup: Annotated[bool, Option("--setup", help="What the set-up programs printed.")] = False,
    json: JsonFlag = False,
) -> None:
    """Print a run's output, byte for byte. With `--json` it is text, and bytes that are none are replaced.

    Examples:
        runctl logs brave-otter-41 -f
        runctl logs latest --tail 20
    """
    from runctl_core.cli.progress import TerminalReporter
    from runctl_core.training.logs import LogSource

    _require_one_document(follow, json)
    reporter = TerminalReporter()
    session = Session(None, reporter)
    found = session.settled_run(run)
    if follow and not found.state.over and not setup and attempt in (None, found.attempt):
        _follow(session, reporter, found, tail)
        return
    executor = executor_of(session, found)
    log: LogName = "setup" if setup else "job"
    source = LogSource(found, executor, log=log, attempt=attempt)
    offset = 0 if tail is None else source.tail_offset(tail)
    if json:
        data = b"".join(source.pieces(offset))
        text = data.decode(errors="replace")
        document = {"run": found.id, "attempt": attempt or found.attempt, "log": log}
        output.print_json({**document, "offset_bytes": offset, "size_bytes": len(data), "text": text})
        return
    for data in source.pieces(offset):
        reporter.log(data)


def _require_one_document(follow: bool, json: bool) -> None:
    from runctl_core.errors import UsageError

    if follow and json:
        raise UsageError("--json is one document, so it does not follow", fix="leave out --follow")


def attach(run: RunArgument, json: JsonFlag = False) -> None:
    """Follow a run from here on. Ctrl-C detaches again.

    Examples:
        runctl attach brave-otter-41
    """
    from runctl_core.cli import progress
    from runctl_core.training.outcome import exit_status

    reporter = progress.TerminalReporter(output_to_stderr=json)
    session = Session(None, reporter)
    ended = _follow(session, reporter, session.settled_run(run), 10)
    progress.show_end(session, ended, json=json)
    raise Exit(exit_status(ended))


def _follow(session: Session, reporter: TerminalReporter, run: Run, tail: int | None) -> Run:
    from runctl_core.errors import NotFound
    from runctl_core.training.follow import Follower
    from runctl_core.training.logs import LogSource

    try:
        source = LogSource(run, executor_of(session, run))
        offset = 0 if tail is None else source.tail_offset(tail)
    except NotFound:
        offset = 0  # nothing was printed yet
    try:
        return Follower(session.engine, run, offset=offset).until_over()
    except KeyboardInterrupt:
        reporter.detached(run)
        raise Exit(130) from None


def executor_of(session: Session, run: Run) -> JobExecutor | None:
    """The executor of a live run's machine; None when the run has none."""
    from runctl_core.training.settle import reach

    if run.state.over or run.resource_id is None:
        return None
    plan = session.plan(run)
    return reach(run, plan, session.open_provider(plan))


def monitor(
    log: Annotated[str | None, Option(metavar="FILE", help="A log file to show.")] = None,
    checkpoint: Annotated[
        str | None, Option(metavar="FOLDER", help="A folder of checkpoints to watch.")
    ] = None,
    follow: Annotated[bool, Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    tail: Annotated[int, Option(metavar="LINES", help="Lines of the log to begin with.")] = 10,
    json: JsonFlag = False,
) -> None:
    """Watch any log file and any folder of checkpoints, whoever writes them.

    Examples:
        runctl monitor --log train.log --checkpoint checkpoints -f
        runctl monitor --checkpoint checkpoints --json
    """
    from runctl_core.errors import UsageError

    if log is None and checkpoint is None:
        raise UsageError("nothing to watch", fix="runctl monitor --log train.log")
    _require_one_document(follow, json)
    for path in (log, checkpoint):
        _require(path)
    if json:
        output.print_json(_watched(log, checkpoint, tail))
        return
    _show_watched(log, checkpoint, tail, follow)


def _require(path: str | None) -> None:
    from runctl_core.errors import NotFound

    if path is not None and not os.path.exists(path):
        raise NotFound(f"nothing at {path}", fix="check the path")


def _watched(log: str | None, checkpoint: str | None, tail: int) -> dict[str, object]:
    from runctl_core.checkpoints import find
    from runctl_core.training.documents import of_checkpoint

    lines = _last(log, tail).decode(errors="replace").splitlines() if log else []
    found = find(checkpoint) if checkpoint else []
    return {
        "log": log and {"path": log, "size_bytes": os.path.getsize(log), "tail": lines},
        "checkpoints": [of_checkpoint(c) for c in found],
    }


def _show_watched(log: str | None, checkpoint: str | None, tail: int, follow: bool) -> None:
    offset = os.path.getsize(log) if log else 0
    seen: set[tuple[str, bool]] = set()
    if log:
        _write(_last(log, tail))
    _announce(checkpoint, seen)
    try:
        while follow:
            time.sleep(0.2)
            offset = _grown(log, offset) if log else 0
            _announce(checkpoint, seen)
    except KeyboardInterrupt:
        raise Exit(130) from None


def _announce(checkpoint: str | None, seen: set[tuple[str, bool]]) -> None:
    from runctl_core.checkpoints import find

    for c in reversed(find(checkpoint) if checkpoint else []):
        if (c.path, c.complete) not in seen:
            seen.add((c.path, c.complete))
            what = "checkpoint" if c.complete else f"not whole ({c.problem})"
            step = "" if c.step is None else f", step {c.step}"
            output.note(f"{what}: {c.path}{step}, {output.size(c.size_bytes)}")


def _grown(log: str, offset: int) -> int:
    """Print what the file has gained, from its beginning when it was made anew."""
    size = os.path.getsize(log)
    with open(log, "rb") as file:
        file.seek(offset if size >= offset else 0)
        while data := file.read(1 << 20):
            _write(data)
        return file.tell()


def _write(data: bytes) -> None:
    output.results().buffer.write(data)
    output.results().flush()


def _last(log: str, tail: int) -> bytes:
    with open(log, "rb") as file:
        file.seek(max(0, os.path.getsize(log) - _TAIL_READ))
        return b"".join(file.read().splitlines(keepends=True)[-tail:] if tail > 0 else [])
