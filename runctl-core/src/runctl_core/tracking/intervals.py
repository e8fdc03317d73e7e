"""The ledger: intervals (resource, state, price, from, to), the ground of every sum of money.

An interval begins when a resource is seen in a state at a price, and ends when it is seen in another
one. Intervals of one resource never overlap and never run backwards, whatever the clock does.

Where the clock is set back, the books stay right by these rules. An interval ends at the moment of
the change, by the clock as it stands then. One that would begin after that moment has not begun: it
begins anew there, so that nothing that comes later is lost. No moment is counted twice. A resource
that goes was there at least until it was last seen.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

from runctl_core.clock import to_micros
from runctl_core.models.resources import Resource

_OPEN = "FROM intervals WHERE resource = ? AND until IS NULL"


_Rate = tuple[str, str | None, int]
"""What is paid while an interval lasts: the state, the price of an hour as text (None when nobody knows
it), and 1 when that price is an estimate."""


def seen(db: sqlite3.Connection, key: int, resource: Resource, at: int) -> None:
    """The provider shows the resource: unless its state and price go on, an interval begins."""
    rate = _rate(resource)
    row = db.execute(f"SELECT since, state, hourly_usd, estimated {_OPEN}", (key,)).fetchone()
    if row and row[0] <= at and row[1:] == rate:
        return
    _end_open(db, key, at)
    latest = db.execute("SELECT MAX(until) FROM intervals WHERE resource = ?", (key,)).fetchone()[0]
    since = _beginning(db, resource, at) if latest is None else max(at, latest)
    _write(db, key, since, None, rate)


def gone(db: sqlite3.Connection, key: int, at: int, last_seen: int, *, end_seen: bool) -> None:
    """The resource is no more: its open interval ends.

    When nobody saw the end, it lies between the last look and now. All of that time is counted, as
    an estimate: the books may say too much, and never too little.
    """
    row = db.execute(f"SELECT since, state, hourly_usd {_OPEN}", (key,)).fetchone()
    if row is None:
        return
    since, state, hourly = row
    proven = max(since, last_seen)
    end = max(at, proven)
    _end_open(db, key, end if end_seen else proven)
    if not end_seen and end > proven:
        _write(db, key, proven, end, (state, hourly, 1))


def backdate(db: sqlite3.Connection, key: int, to: int) -> None:
    """Count a resource from `to` on, which is before it was first seen.

    Nobody saw what state it was in and what that cost, so its first rate stands for it, as an estimate.
    """
    query = "SELECT since, state, hourly_usd FROM intervals WHERE resource = ? ORDER BY since LIMIT 1"
    row = db.execute(query, (key,)).fetchone()
    if row and to < row[0]:
        _write(db, key, to, row[0], (row[1], row[2], 1))


def _rate(resource: Resource) -> _Rate:
    hourly = resource.price.hourly_usd
    return str(resource.state), None if hourly is None else str(hourly), int(resource.price.estimated)


def _end_open(db: sqlite3.Connection, key: int, at: int) -> None:
    """End the open interval; one that would not begin before `at` has never been."""
    db.execute("DELETE FROM intervals WHERE resource = ? AND until IS NULL AND since >= ?", (key, at))
    db.execute("UPDATE intervals SET until = ? WHERE resource = ? AND until IS NULL", (at, key))


def _write(db: sqlite3.Connection, key: int, since: int, until: int | None, rate: _Rate) -> None:
    db.execute("INSERT INTO intervals VALUES (?, ?, ?, ?, ?, ?)", (key, since, until, *rate))


def _beginning(db: sqlite3.Connection, resource: Resource, at: int) -> int:
    """When the first interval begins: providers bill from the creation, and not from our first look.

    The provider's moment is believed where our books vouch for it: the resource came after the intent
    to make it, or after the run that it is for. For anything else nobody knows what it was and cost
    before we saw it, so it counts from there.
    """
    created: datetime | None = resource.created_at
    query = (
        "SELECT COALESCE((SELECT created_at FROM intents WHERE token = ?), "
        "(SELECT created_at FROM runs WHERE id = ?))"
    )
    asked: int | None = db.execute(query, (resource.token, resource.run_id)).fetchone()[0]
    if created is None or asked is None:
        return at
    return min(max(to_micros(created), asked), at)
