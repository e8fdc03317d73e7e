"""The rows of runs: their present state, and every change that led there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any

from runctl_core.clock import from_micros, to_micros
from runctl_core.errors import NotFound
from runctl_core.models.runs import Run, RunChange, RunState

_COLUMNS = (
    "id", "name", "project", "owner", "provider", "script", "directory", "state", "created_at",
    "attempt", "resource_id", "started_at", "ended_at", "exit_code", "signal", "ended_by", "reason",
    "resumed_from", "deadline", "hourly_usd",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM runs"  # noqa: S608  names of our own columns
_MOMENTS = frozenset({"created_at", "started_at", "ended_at", "deadline"})


def insert(db: sqlite3.Connection, run: Run, plan: str, at: datetime) -> None:
    """Write a new run, its plan and its first change. Raises sqlite3.IntegrityError on a clash."""
    marks = ", ".join("?" * len(_COLUMNS))
    values = [_stored(getattr(run, name)) for name in _COLUMNS]
    db.execute(f"INSERT INTO runs VALUES ({marks})", values)  # noqa: S608
    db.execute("INSERT INTO plans VALUES (?, ?)", (run.id, plan))
    _add_change(db, run.id, run.state, run.attempt, "", at)


def select(db: sqlite3.Connection, run_id: str) -> Run | None:
    """The run of exactly this id."""
    row = db.execute(f"{_SELECT} WHERE id = ?", (run_id,)).fetchone()
    return _run(row) if row else None


def find(db: sqlite3.Connection, ref: str) -> Run:
    """The run that `ref` means: an id, `latest`, the beginning of one id, or a name's newest run.

    Raises:
        NotFound: No run, or more than one, is meant.
    """
    if exact := select(db, ref):
        return exact
    if ref == "latest":
        rows = db.execute(f"{_SELECT} ORDER BY created_at DESC LIMIT 1").fetchall()
    else:
        end = ref + "\U0010ffff"
        query = f"{_SELECT} WHERE id >= ? AND id < ? LIMIT 2"
        rows = db.execute(query, (ref, end)).fetchall() if ref else []
        if not rows:
            query = f"{_SELECT} WHERE name = ? ORDER BY created_at DESC LIMIT 1"
            rows = db.execute(query, (ref,)).fetchall()
    if len(rows) != 1:
        raise _not_found(db, ref, [row[0] for row in rows])
    return _run(rows[0])


def _not_found(db: sqlite3.Connection, ref: str, several: list[str]) -> NotFound:
    if several:
        return NotFound(f"{ref} begins several ids: {', '.join(several)}, …", fix="runctl runs")
    import difflib

    newest = db.execute("SELECT id, name FROM runs ORDER BY created_at DESC LIMIT 1000").fetchall()
    if not newest:
        return NotFound(f"no run {ref}", why="there is no run at all yet", fix="runctl train SCRIPT")
    known = dict.fromkeys(["latest", *(word for row in newest for word in row)])
    near = difflib.get_close_matches(ref, known, n=3)
    why = f"near ones: {', '.join(near)}" if near else ""
    return NotFound(f"no run {ref}", why=why, fix="runctl runs lists them")


_AMONG = "IN (SELECT value FROM json_each(?))"


def listing(
    db: sqlite3.Connection,
    *,
    states: Collection[RunState] | None,
    since: datetime | None,
    limit: int | None,
    ids: Collection[str] | None,
    providers: Collection[str] | None,
    **equal: str | None,
) -> list[Run]:
    """Runs that fit, newest first."""
    parts, values = [], []
    if states is not None:
        parts.append(f"state IN ({', '.join('?' * len(states))})")
        values += [str(state) for state in states]
    if since is not None:
        parts.append("created_at >= ?")
        values.append(str(to_micros(since)))
    for column, some in (("id", ids), ("provider", providers)):
        if some is not None:
            parts.append(f"{column} {_AMONG}")
            values.append(json.dumps(list(some)))
    for name, value in equal.items():
        if value is not None:
            parts.append(f"{name} = ?")
            values.append(value)
    where = f" WHERE {' AND '.join(parts)}" if parts else ""
    bound = f" LIMIT {int(limit)}" if limit else ""
    query = f"{_SELECT}{where} ORDER BY created_at DESC, id{bound}"
    return [_run(row) for row in db.execute(query, values)]


def keeping(db: sqlite3.Connection, ids: Collection[str]) -> set[str]:
    """Those of the runs whose plan keeps the machine at the end."""
    query = (
        "SELECT run_id FROM plans WHERE run_id IN (SELECT value FROM json_each(?)) "
        "AND json_extract(plan, '$.on_finish') = 'keep'"
    )
    return {row[0] for row in db.execute(query, (json.dumps(list(ids)),))}


def change(
    db: sqlite3.Connection,
    run_id: str,
    to: RunState,
    expect: Collection[RunState] | None,
    detail: str,
    at: datetime,
    columns: dict[str, Any],
) -> Run | None:
    """Enter a state if the present one allows it, and write the change; None if it does not."""
    run = select(db, run_id)
    if run is None or not run.state.may_become(to) or (expect is not None and run.state not in expect):
        return None
    _update(db, run_id, {**columns, "state": to})
    _add_change(db, run_id, to, columns.get("attempt", run.attempt), detail, at)
    return select(db, run_id)


def _update(db: sqlite3.Connection, run_id: str, columns: dict[str, Any]) -> None:
    """Set columns of a run. Raises KeyError for a name that a run does not have."""
    if unknown := set(columns) - set(_COLUMNS):
        raise KeyError(f"a run has no {', '.join(sorted(unknown))}")
    assignments = ", ".join(f"{name} = ?" for name in columns)
    values = [_stored(value) for value in columns.values()]
    db.execute(f"UPDATE runs SET {assignments} WHERE id = ?", (*values, run_id))  # noqa: S608


def own(db: sqlite3.Connection, token: str, resource_id: str) -> None:
    """Give the run of an intent the resource that was made for it, while that is still its attempt."""
    db.execute(
        "UPDATE runs SET resource_id = ? FROM intents WHERE intents.token = ? AND runs.id = intents.run_id "
        "AND runs.attempt = intents.attempt AND runs.resource_id IS NULL",
        (resource_id, token),
    )


def changes(db: sqlite3.Connection, run_id: str) -> list[RunChange]:
    """Every change of a run, oldest first."""
    query = "SELECT state, at, attempt, detail FROM run_changes WHERE run_id = ? ORDER BY seq"
    return [
        RunChange(run_id, RunState(state), from_micros(at), attempt, detail)
        for state, at, attempt, detail in db.execute(query, (run_id,))
    ]


def _add_change(
    db: sqlite3.Connection, run_id: str, state: RunState, attempt: int, detail: str, at: datetime
) -> None:
    db.execute(
        "INSERT INTO run_changes SELECT ?, COALESCE(MAX(seq), 0) + 1, ?, ?, ?, ? "
        "FROM run_changes WHERE run_id = ?",
        (run_id, str(state), to_micros(at), attempt, detail, run_id),
    )


def _stored(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_micros(value)
    return str(value) if isinstance(value, Decimal | RunState) else value


def _run(row: tuple[Any, ...]) -> Run:
    values = dict(zip(_COLUMNS, row, strict=True))
    values["state"] = RunState(values["state"])
    for name in _MOMENTS:
        if values[name] is not None:
            values[name] = from_micros(values[name])
    if values["hourly_usd"] is not None:
        values["hourly_usd"] = Decimal(values["hourly_usd"])
    return Run(**values)
