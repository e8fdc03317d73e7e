"""`runctl ps`, `runs`, `status` and `why`: what runs, what ran, and why something failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from runctl_core.cli import listing, output
from runctl_core.cli.options import JsonFlag, RunArgument
from runctl_core.cli.session import Session
from runctl_core.clock import iso, now

if TYPE_CHECKING:
    from datetime import datetime

    from runctl_core.executor import LogName
    from runctl_core.models.jobs import JobStatus, Usage
    from runctl_core.models.runs import Run


def ps(
    every: Annotated[bool, Option("--all", "-a", help="Those that are over too.")] = False,
    json: JsonFlag = False,
) -> None:
    """List the runs that are not over.

    Examples:
        runctl ps
        runctl ps --all --json
    """
    listing.ps(every=every, json=json)


def runs(
    state: Annotated[list[str] | None, Option(help="Only these states, such as `failed`.")] = None,
    project: Annotated[str | None, Option(help="Only this project.")] = None,
    owner: Annotated[str | None, Option(help="Only this owner.")] = None,
    provider: Annotated[str | None, Option(help="Only this provider.")] = None,
    since: Annotated[str | None, Option(metavar="AGE", help="Not older than `30m`, `12h`, `7d`.")] = None,
    limit: Annotated[int, Option(min=0, help="At most so many, newest first; 0 for all.")] = 50,
    json: JsonFlag = False,
) -> None:
    """List the history of runs, newest first.

    Examples:
        runctl runs --state failed --since 7d
        runctl runs --project mnist --json
    """
    session = Session()
    listing.settle(session)
    found = session.tracker.runs(
        states=_states(state) if state else None,
        project=project,
        owner=owner,
        provider=provider,
        since=_since(since) if since else None,
        limit=limit or None,
    )
    listing.show(found, json=json)


def _states(names: list[str]) -> list[Any]:
    from runctl_core.errors import UsageError
    from runctl_core.models.runs import RunState

    known = [str(state) for state in RunState]
    for name in names:
        if name not in known:
            raise UsageError(f"no state {name}", why=f"states: {', '.join(known)}", fix="--state failed")
    return [RunState(name) for name in names]


def _since(text: str) -> datetime:
    from datetime import timedelta

    from runctl_core.errors import UsageError

    units = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    if text[-1:] not in units or not text[:-1].isdecimal() or len(text) > 6:
        raise UsageError(f"{text!r} is no age", why="a number and m, h, d or w", fix="--since 7d")
    return now() - timedelta(**{units[text[-1]]: int(text[:-1])})


def status(run: RunArgument, json: JsonFlag = False) -> None:
    """Show everything about one run: state, cost, usage, checkpoints, where its files are.

    Examples:
        runctl status brave-otter-41
        runctl status latest --json
    """
    from runctl_core.training.receipt import current

    session = Session()
    found = session.settled_run(run)
    document = current(session.tracker, found, session.plan(found))
    document["usage"] = _usage(_look(session, found)[1])
    if json:
        output.print_json(document)
        return
    _show_status(document)


def _look(session: Session, run: Run) -> tuple[JobStatus | None, list[Usage]]:
    """What the runner says now; nothing for a run that is over or out of reach."""
    from runctl_core.errors import RunctlError
    from runctl_core.training.engine import handle_of
    from runctl_core.training.settle import reach

    if run.state.over:
        return None, []
    plan = session.plan(run)
    try:
        executor = reach(run, plan, session.open_provider(plan))
        if executor is None:
            return None, []
        return executor.status(handle_of(run)), list(executor.usage(handle_of(run)))
    except RunctlError as error:
        output.note(f"its machine does not answer: {error.message}")
        return None, []


def _usage(samples: list[Usage]) -> dict[str, Any] | None:
    if not samples:
        return None
    last = samples[-1]
    return {
        "sampled_at": iso(last.at),
        "cpu_percent": last.cpu_percent,
        "memory_bytes": last.memory_bytes,
        "processes": last.processes,
        "disk_free_bytes": last.disk_free_bytes,
        "gpu_percent": last.gpu_percent,
        "gpu_memory_bytes": last.gpu_memory_bytes,
    }


def _show_status(document: dict[str, Any]) -> None:
    whole = [c for c in document["checkpoints"] if c["complete"]]
    usage = document["usage"]
    rows = [
        ("run", document["run"]),
        ("name", document["name"]),
        ("state", document["state"] + (f": {document['reason']}" if document["reason"] else "")),
        ("attempt", str(document["attempt"])),
        ("provider", f"{document['provider']} ({document['resource'] or 'no resource yet'})"),
        ("command", " ".join(document["command"])),
        ("in", document["workdir"]),
        ("created", document["created_at"]),
        ("started", document["started_at"] or "-"),
        ("ended", document["ended_at"] or "-"),
        ("deadline", document["deadline_at"] or "none"),
        ("cost", output.cost(document["cost_usd"], document["cost_unknown_resources"])),
        ("checkpoints", f"{len(whole)} whole in {document['checkpoint_dir']}"),
        ("log", document["log"]),
    ]
    if whole:
        rows.append(("newest", f"{whole[0]['path']} ({output.size(whole[0]['size_bytes'])})"))
    if usage:
        memory = output.size(usage["memory_bytes"])
        rows.append(("using", f"{usage['cpu_percent']:.0f} % CPU, {memory}, {usage['processes']} processes"))
    output.pairs(rows)


def why(run: RunArgument, json: JsonFlag = False) -> None:
    """Explain from evidence why a run failed, and name the next command.

    Examples:
        runctl why brave-otter-41
    """
    from runctl_core.errors import NotFound
    from runctl_core.training.evidence import explain
    from runctl_core.training.receipt import read_receipt

    session = Session()
    found = session.settled_run(run)
    try:
        receipt = read_receipt(found.id)
    except NotFound:
        receipt = {}
    told = explain(found, receipt, _tail(found, "job"), _tail(found, "setup"))
    if json:
        output.print_json(
            {
                "run": found.id,
                "state": str(found.state),
                "summary": told.summary,
                "evidence": list(told.evidence),
                "tail": list(told.tail),
                "fix": told.fix,
            }
        )
        return
    output.lines([f"{found.id} {found.state}: {told.summary}"])
    output.lines([f"  evidence: {line}" for line in told.evidence])
    output.lines(["  last lines:", *(f"    {line}" for line in told.tail)] if told.tail else [])
    output.lines([f"  next: {told.fix}"])


def _tail(run: Run, log: LogName) -> bytes:
    from runctl_core.errors import NotFound
    from runctl_core.training.logs import LogSource

    source = LogSource(run, log=log)
    try:
        return source.read(max(0, source.size() - 65536), 65536)
    except NotFound:
        return b""
