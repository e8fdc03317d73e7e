"""The rows of intents: what may be made, and what became of it."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from decimal import Decimal

from runctl_core.clock import from_micros, to_micros
from runctl_core.models.intents import Intent


def insert(
    db: sqlite3.Connection, intent: Intent, hourly_usd: Decimal | None, deadline: datetime | None
) -> None:
    """Write a new intent, with the price and the deadline of what is to be made."""
    values = (
        intent.token,
        intent.run_id,
        intent.provider,
        intent.attempt,
        to_micros(intent.created_at),
        None if hourly_usd is None else str(hourly_usd),
        deadline and to_micros(deadline),
    )
    db.execute(
        "INSERT INTO intents (token, run_id, provider, attempt, created_at, hourly_usd, deadline) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        values,
    )


def listing(db: sqlite3.Connection, provider: str | None) -> list[Intent]:
    """Intents that are not settled, oldest first."""
    query = (
        "SELECT token, run_id, provider, attempt, created_at, given_up_at FROM intents "
        "WHERE settled = 0 AND (?1 IS NULL OR provider = ?1) ORDER BY created_at"
    )
    return [
        Intent(token, run_id, name, attempt, from_micros(at), None if given is None else from_micros(given))
        for token, run_id, name, attempt, at, given in db.execute(query, (provider,))
    ]


def give_up(db: sqlite3.Connection, token: str, at: datetime) -> None:
    """Write when it was found that nobody waits for the call any more."""
    db.execute("UPDATE intents SET given_up_at = ? WHERE token = ?", (to_micros(at), token))


def settle(db: sqlite3.Connection, token: str, resource_id: str | None) -> None:
    """Close an intent, with the resource that it made or with nothing; once closed it stays as it is."""
    query = "UPDATE intents SET settled = 1, resource_id = ? WHERE token = ? AND settled = 0"
    db.execute(query, (resource_id, token))
