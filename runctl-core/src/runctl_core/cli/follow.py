"""Following a run: `runctl logs`, `attach`, and what `train` and `resume` do once it has started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Exit, Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, RunArgument
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from runctl_core.cli.reporter import TerminalReporter
    from runctl_core.executor import JobExecutor
    from runctl_core.models.runs import Run
    from runctl_core.training.logs import LogSource

_DETACHED = 130


def logs(
    run: RunArgument,
    follow: Annotated[bool, Option("--follow", "-f", help="Go on until the run is over.")] = False,
    tail: Annotated[
        int | None, Option(metavar="LINES", min=0, help="Begin so many lines before the end.")
    ] = None,
    offset: Annotated[
        int | None, Option(metavar="BYTES", min=0, help="Begin after so many bytes, to go on reading.")
    ] = None,
    attempt: Annotated[
        int | None, Option(min=1, help="Of an earlier attempt; the latest by default.")
    ] = None,
    setup: Annotated[bool, Option("--setup", help="What the set-up programs printed.")] = False,
    json: JsonFlag = False,
) -> None:
    """Print a run's output, byte for byte. Ctrl-C ends the following, never the run.

    With --json it is text: bytes that are not UTF-8 are replaced.

    Examples:
        runctl logs brave-otter-41 -f
        runctl logs latest --tail 20
        runctl logs latest -f --offset $(stat -c %s copy.log) >> copy.log
    """
    from runctl_core.cli.reporter import TerminalReporter
    from runctl_core.errors import UsageError
    from runctl_core.training.logs import LogSource

    if tail is not None and offset is not None:
        raise UsageError("--tail and --offset both say where to begin", fix="leave out one of them")
    require_one_document(follow, json)
    reporter = TerminalReporter()
    session = Session(None, reporter)
    found = session.settled_run(run)
    if follow and not found.state.over and not setup and attempt in (None, found.attempt):
        _follow(session, reporter, found, tail=tail, offset=offset or 0)
        return
    source = LogSource(found, executor_of(session, found), log="setup" if setup else "job", attempt=attempt)
    begin = offset or 0 if tail is None else source.tail_offset(tail)
    if json:
        _print_log(found.id, source, begin)
        return
    for data in source.pieces(begin):
        reporter.log(data)


def require_one_document(follow: bool, json: bool) -> None:
    """Raise UsageError for a document that would have no end."""
    from runctl_core.errors import UsageError

    if follow and json:
        raise UsageError("--json is one document, so it does not follow", fix="leave out --follow")


def _print_log(run_id: str, source: LogSource, begin: int) -> None:
    data = b"".join(source.pieces(begin))
    output.print_json(
        {
            "run": run_id,
            "attempt": source.attempt,
            "log": source.log,
            "offset_bytes": begin,
            "size_bytes": len(data),
            "text": data.decode(errors="replace"),
        }
    )


def attach(
    run: RunArgument,
    tail: Annotated[int, Option(metavar="LINES", min=0, help="Lines to show before that.")] = 10,
    json: JsonFlag = False,
) -> None:
    """Follow a run from here on, after the last lines that it printed.

    Ctrl-C detaches again. With --json the receipt is the only thing on standard output.

    Examples:
        runctl attach brave-otter-41
        runctl attach latest --tail 100
    """
    from runctl_core.cli.reporter import TerminalReporter

    reporter = TerminalReporter(output_to_stderr=json)
    session = Session(None, reporter)
    ended = _follow(session, reporter, session.settled_run(run), tail=tail)
    _close(session, ended, json=json)


def see_it_through(
    session: Session, reporter: TerminalReporter, run: Run, *, detach: bool, json: bool
) -> None:
    """Follow a run that was just started to its end, and exit as its script did."""
    from runctl_core.cli.reporter import show_started

    if detach:
        show_started(session, run, json=json)
        return
    reporter.following(run)
    _close(session, _follow(session, reporter, run), json=json)


def _follow(
    session: Session, reporter: TerminalReporter, run: Run, *, tail: int | None = None, offset: int = 0
) -> Run:
    from runctl_core.errors import NotFound
    from runctl_core.training.follow import Follower
    from runctl_core.training.logs import LogSource

    try:
        if tail is not None:
            offset = LogSource(run, executor_of(session, run)).tail_offset(tail)
    except NotFound:
        offset = 0  # nothing was printed yet
    try:
        return Follower(session.engine, run, offset=offset).until_over()
    except KeyboardInterrupt:
        reporter.detached(run)
        raise Exit(_DETACHED) from None


def _close(session: Session, run: Run, *, json: bool) -> None:
    from runctl_core.cli.reporter import show_end
    from runctl_core.training.outcome import exit_status

    show_end(session, run, json=json)
    session.warn()
    raise Exit(exit_status(run))


def executor_of(session: Session, run: Run) -> JobExecutor | None:
    """The executor of a live run's machine; None when the run has none."""
    from runctl_core.training.settle import reach

    if run.state.over or run.resource_id is None:
        return None
    plan = session.plan(run)
    return reach(run, plan, session.open_provider(plan))


def bring_checkpoints_home(session: Session, run: Run) -> None:
    """Fetch what a live run has saved on a machine that shares no files; what is in the way is said."""
    from runctl_core.errors import RunctlError
    from runctl_core.training.homecoming import bring_home

    try:
        executor = executor_of(session, run)
        if executor is not None:
            bring_home(run, session.plan(run), executor, live=True)
    except RunctlError as error:
        output.note(f"only what was brought home before is shown: {error.summary}")
