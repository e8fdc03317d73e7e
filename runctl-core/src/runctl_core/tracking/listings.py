"""A provider's whole list, brought into the books at once.

What runctl made, or the user adopted, is written. What the books have and the list does not is gone:
unless it is younger than the list, or than the provider's listing delay.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta

from attrs import evolve, frozen

from runctl_core.clock import from_micros, to_micros
from runctl_core.models.marks import Mark
from runctl_core.models.resources import Resource
from runctl_core.tracking import resources
from runctl_core.tracking.resources import TrackedResource


@frozen
class Survey:
    """When a provider was last asked for everything that it has.

    Attributes:
        provider: Its name.
        at: When it last answered with a whole list, or was asked in vain for the first time.
        problem: Why the latest question had no answer; empty when it had one.
    """

    provider: str
    at: datetime
    problem: str


def record(
    db: sqlite3.Connection,
    provider: str,
    listed: Iterable[Resource],
    asked_at: datetime,
    delay_s: float,
    now: datetime,
) -> None:
    """Write a whole list of a provider's.

    Args:
        db: Inside a transaction.
        provider: The provider's name.
        listed: Everything that it has.
        asked_at: When it was asked: nothing is known of what came later.
        delay_s: Its listing delay, in seconds.
        now: The present moment.
    """
    known = {t.resource.id: t for t in resources.listing(db, provider=provider, gone=False)}
    ours, newer = _adopted(db, provider) | known.keys(), _newer(db, provider, asked_at, now)
    seen: set[str] = set()
    for resource in listed:
        seen.add(resource.id)
        if (resource.managed or resource.id in ours) and resource.id not in newer:
            resources.record(db, _priced(resource, known.get(resource.id)), asked_at)
    old = asked_at - timedelta(seconds=delay_s)
    for resource_id in known.keys() - seen - newer:
        if not old <= known[resource_id].first_seen <= now:
            resources.mark_gone(db, provider, resource_id, asked_at)
    db.execute("INSERT OR REPLACE INTO surveys VALUES (?, ?, '')", (provider, to_micros(asked_at)))


def record_problem(db: sqlite3.Connection, provider: str, problem: str, at: datetime) -> None:
    """Write that a provider could not be asked; when it last answered stays known."""
    db.execute(
        "INSERT INTO surveys VALUES (?, ?, ?) "
        "ON CONFLICT (provider) DO UPDATE SET problem = excluded.problem",
        (provider, to_micros(at), problem),
    )


def surveys(db: sqlite3.Connection) -> list[Survey]:
    """Every provider that was ever asked."""
    rows = db.execute("SELECT provider, at, problem FROM surveys ORDER BY provider")
    return [Survey(provider, from_micros(at), problem) for provider, at, problem in rows]


def _newer(db: sqlite3.Connection, provider: str, asked_at: datetime, now: datetime) -> set[str]:
    """What another command has learned since: the list is too old to say anything of it.

    What was learned in the future was written by a clock that is set right by now.
    """
    query = (
        "SELECT id FROM resources WHERE provider = ?1 "
        "AND (last_seen > ?2 AND last_seen <= ?3 OR gone_at > ?2 AND gone_at <= ?3)"
    )
    return {row[0] for row in db.execute(query, (provider, to_micros(asked_at), to_micros(now)))}


def _adopted(db: sqlite3.Connection, provider: str) -> set[str]:
    query = "SELECT id FROM marks WHERE provider = ? AND mark = ?"
    return {row[0] for row in db.execute(query, (provider, str(Mark.ADOPTED)))}


def _priced(seen: Resource, before: TrackedResource | None) -> Resource:
    """With the price that was known for this state, where the provider's list does not say it."""
    if before is None or seen.price.known or seen.state is not before.resource.state:
        return seen
    return evolve(seen, price=before.resource.price)
