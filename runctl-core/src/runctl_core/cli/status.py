"""`runctl status`: everything about one run."""

from __future__ import annotations

import os
import shlex
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, RunArgument
from runctl_core.cli.session import Session
from runctl_core.clock import now

if TYPE_CHECKING:
    from runctl_core.models.jobs import Usage
    from runctl_core.models.runs import Run


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
    samples = _samples(session, found)
    if samples:
        document.update(_measured(session, found, samples))
    if json:
        output.print_json(document)
        return
    _show_status(document, samples[-1] if samples else None)


def _measured(session: Session, run: Run, samples: list[Usage]) -> dict[str, Any]:
    from runctl_core.diagnosis import warnings
    from runctl_core.training.documents import of_usage, of_warning

    wrong = warnings(samples, session.settings, now(), run=run.id)
    return {"usage": of_usage(samples[-1]), "warnings": [of_warning(warning) for warning in wrong]}


def _samples(session: Session, run: Run) -> list[Usage]:
    """What the runner measured lately; nothing for a run that is over or out of reach."""
    from runctl_core.cli.follow import executor_of
    from runctl_core.errors import RunctlError
    from runctl_core.models.runs import handle_of
    from runctl_core.shown import usage_of

    try:
        executor = executor_of(session, run)
        return [] if executor is None else usage_of(executor, handle_of(run))
    except RunctlError as error:
        output.note(f"its machine does not answer: {error.message}")
        return []


def _show_status(document: dict[str, Any], sample: Usage | None) -> None:
    from runctl_core.cli.usage import usage_in_words

    shown = [*_identity(document), *_times(document), ("cost", _cost(document))]
    shown += usage_in_words(sample) if sample else []
    output.pairs([*shown, *_warnings(document), *_files(document)])


def _cost(document: dict[str, Any]) -> str:
    spent, limit = document["cost_usd"], document["budget_usd"]
    text = output.cost(spent, document["cost_unknown_resources"], document["cost_estimated_usd"])
    if limit is None:
        return text
    return f"{text}, {100 * Decimal(spent) / Decimal(limit):.0f} % of its budget of {output.cost(limit)}"


def _identity(document: dict[str, Any]) -> list[tuple[str, str]]:
    ended = document["ended_at"] is not None
    reason = f": {document['reason']}" if document["reason"] else ""
    status = document["exit_code"] if document["signal"] is None else f"signal {document['signal']}"
    rows = [("run", document["run"]), ("name", document["name"]), ("project", document["project"])]
    rows += [("state", document["state"] + reason)]
    rows += [("exit status", str(status))] if ended and status is not None else []
    rows += [("attempt", str(document["attempt"]))]
    rows += [("resumed from", document["resumed_from"])] if document["resumed_from"] else []
    rows += [("provider", f"{document['provider']} ({document['resource'] or 'no resource'})")]
    return [*rows, ("command", shlex.join(document["command"])), ("in", document["workdir"])]


def _times(document: dict[str, Any]) -> list[tuple[str, str]]:
    named = [(name, document[f"{name}_at"]) for name in ("created", "started", "ended")]
    rows = [
        (name, f"{at} ({output.age(now() - datetime.fromisoformat(at))})" if at else "-")
        for name, at in named
    ]
    started = document["started_at"]
    if document["duration_s"] is not None:
        rows += [("took", output.duration(document["duration_s"]))]
    elif started is not None:
        rows += [("running for", output.duration(_since(started).total_seconds()))]
    return [*rows, ("deadline", document["deadline_at"] or "none")]


def _since(moment: str) -> timedelta:
    return now() - datetime.fromisoformat(moment)


def _warnings(document: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for warning in document["warnings"]:
        rows += [("warning", warning["message"]), ("  fix", warning["fix"])]
    return rows


def _files(document: dict[str, Any]) -> list[tuple[str, str]]:
    whole = [c for c in document["checkpoints"] if c["complete"]]
    rows = [("checkpoints", f"{len(whole)} whole in {document['checkpoint_dir']}")]
    if whole:
        step = "" if whole[0]["step"] is None else f", step {whole[0]['step']}"
        rows += [("newest", f"{whole[0]['path']} ({output.size(whole[0]['size_bytes'])}{step})")]
    rows += [("output", f"{o['path']} ({output.size(o['size_bytes'])})") for o in document["outputs"]]
    rows += [("not made", path) for path in document["missing_outputs"]]
    at_home = [(name, document[name]) for name in ("log", "receipt") if os.path.exists(document[name])]
    return rows + (at_home or [("log", f"runctl logs {document['run']} -f")])
