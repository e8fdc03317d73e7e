"""The rows of resources: what the provider showed of each, last."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import frozen

from runctl_core.clock import from_micros, to_micros
from runctl_core.models.money import Price
from runctl_core.models.resources import Resource, ResourceState
from runctl_core.tracking import intervals

_COLUMNS = (
    "provider", "id", "name", "state", "kind", "managed", "tags", "run_id", "project", "owner",
    "hourly_usd", "price_source", "price_as_of", "price_estimated", "created_at", "instance_type", "gpu",
    "gpu_count", "region", "zone", "spot", "note", "vcpus", "memory_bytes",
    "size_bytes", "attached_to",
)  # fmt: skip
_MINUTE_MICROS = 60_000_000
_SEEN = ("first_seen", "last_seen", "gone_at", "problem")
_SELECT = f"SELECT {', '.join((*_COLUMNS, *_SEEN))} FROM resources"  # noqa: S608


@frozen
class TrackedResource:
    """A resource as the books know it.

    Attributes:
        resource: As the provider last showed it.
        first_seen: When it came into the books.
        last_seen: When the provider last showed it.
        gone_at: When the provider agreed that it is gone; None while it is there.
        problem: Why it could not be ended, while that is not settled.
    """

    resource: Resource
    first_seen: datetime
    last_seen: datetime
    gone_at: datetime | None
    problem: str


def record(db: sqlite3.Connection, resource: Resource, at: datetime) -> None:
    """Write what the provider shows now, and begin a new interval if state or price changed."""
    moment = to_micros(at)
    before = _known(db, resource.provider, resource.id)
    names = (*_COLUMNS, "first_seen", "last_seen")
    updates = ", ".join(f"{name} = excluded.{name}" for name in (*_COLUMNS[2:], "last_seen"))
    key = db.execute(
        f"INSERT INTO resources ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "  # noqa: S608
        f"ON CONFLICT (provider, id) DO UPDATE SET {updates}, gone_at = NULL RETURNING key",
        (*_row(resource), moment, moment),
    ).fetchone()[0]
    if not resource.state.gone:
        intervals.seen(db, key, resource, moment)
        return
    _, last_seen, gone_at = before or (key, moment, None)
    intervals.gone(db, key, moment, last_seen, end_seen=False)
    _set_gone(db, key, moment if gone_at is None else gone_at)


def backdate(db: sqlite3.Connection, provider: str, resource_id: str, to: datetime) -> None:
    """Count what the resource cost from `to` on, though it was first seen later."""
    if known := _known(db, provider, resource_id):
        intervals.backdate(db, known[0], to_micros(to))


def mark_gone(
    db: sqlite3.Connection, provider: str, resource_id: str, at: datetime, *, end_seen: bool = False
) -> None:
    """The provider no longer has it: its last interval ends now."""
    key, last_seen, gone_at = _known(db, provider, resource_id) or (None, 0, None)
    if key is not None and gone_at is None:
        intervals.gone(db, key, to_micros(at), last_seen, end_seen=end_seen)
        _set_gone(db, key, to_micros(at))


def is_due(db: sqlite3.Connection, provider: str, resource_id: str, at: datetime) -> bool:
    """Whether a resource that is not gone was last seen over a minute ago, or in the future."""
    known = _known(db, provider, resource_id)
    return known is not None and known[2] is None and not 0 <= to_micros(at) - known[1] < _MINUTE_MICROS


def touch(db: sqlite3.Connection, provider: str, resource_id: str, at: datetime) -> None:
    """Write that a resource was seen, as it was before."""
    query = "UPDATE resources SET last_seen = ? WHERE provider = ? AND id = ? AND gone_at IS NULL"
    db.execute(query, (to_micros(at), provider, resource_id))


def _known(db: sqlite3.Connection, provider: str, resource_id: str) -> tuple[Any, ...] | None:
    """The key of a resource, and the moments when it was last shown and gone."""
    query = "SELECT key, last_seen, gone_at FROM resources WHERE provider = ? AND id = ?"
    row: tuple[Any, ...] | None = db.execute(query, (provider, resource_id)).fetchone()
    return row


def _set_gone(db: sqlite3.Connection, key: int, at: int) -> None:
    state = str(ResourceState.TERMINATED)
    db.execute("UPDATE resources SET gone_at = ?, state = ?, problem = '' WHERE key = ?", (at, state, key))


def flag(db: sqlite3.Connection, provider: str, resource_id: str, problem: str) -> None:
    """Say why a resource could not be ended; an empty text takes it back."""
    db.execute(
        "UPDATE resources SET problem = ? WHERE provider = ? AND id = ?",
        (problem, provider, resource_id),
    )


def listing(
    db: sqlite3.Connection,
    *,
    provider: str | None = None,
    resource_id: str | None = None,
    run_id: str | None = None,
    gone: bool | None = None,
) -> list[TrackedResource]:
    """Resources that fit, oldest first."""
    equal = {"provider": provider, "id": resource_id, "run_id": run_id}
    parts = [f"{name} = ?" for name, value in equal.items() if value is not None]
    if gone is not None:
        parts.append(f"gone_at IS {'NOT ' if gone else ''}NULL")
    where = f" WHERE {' AND '.join(parts)}" if parts else ""
    values = [value for value in equal.values() if value is not None]
    return [_tracked(row) for row in db.execute(f"{_SELECT}{where} ORDER BY key", values)]


def _row(resource: Resource) -> tuple[Any, ...]:
    price = resource.price
    return (
        resource.provider,
        resource.id,
        resource.name,
        str(resource.state),
        resource.kind,
        int(resource.managed),
        json.dumps(dict(resource.tags), sort_keys=True),
        resource.run_id,
        resource.project,
        resource.owner,
        None if price.hourly_usd is None else str(price.hourly_usd),
        price.source,
        price.as_of and to_micros(price.as_of),
        int(price.estimated),
        resource.created_at and to_micros(resource.created_at),
        resource.instance_type,
        resource.gpu,
        resource.gpu_count,
        resource.region,
        resource.zone,
        int(resource.spot),
        resource.note,
        resource.vcpus,
        resource.memory_bytes,
        resource.size_bytes,
        resource.attached_to,
    )


def _tracked(row: tuple[Any, ...]) -> TrackedResource:
    values = dict(zip((*_COLUMNS, *_SEEN), row, strict=True))
    for name in ("run_id", "project", "owner"):  # copies of tags, there for the indexes
        del values[name]
    hourly, as_of = values.pop("hourly_usd"), values.pop("price_as_of")
    price = Price(
        None if hourly is None else Decimal(hourly),
        values.pop("price_source"),
        None if as_of is None else from_micros(as_of),
        bool(values.pop("price_estimated")),
    )
    seen = {name: values.pop(name) for name in _SEEN}
    values["tags"] = json.loads(values["tags"])
    values["state"] = ResourceState(values["state"])
    values["managed"], values["spot"] = bool(values["managed"]), bool(values["spot"])
    if values["created_at"] is not None:
        values["created_at"] = from_micros(values["created_at"])
    return TrackedResource(
        Resource(price=price, **values),
        from_micros(seen["first_seen"]),
        from_micros(seen["last_seen"]),
        None if seen["gone_at"] is None else from_micros(seen["gone_at"]),
        seen["problem"],
    )
