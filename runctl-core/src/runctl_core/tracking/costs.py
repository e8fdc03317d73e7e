"""What was spent: the sum of intervals (resource, state, price, from, to), and what is paid now.

Durations are added as whole microseconds in SQL, for each pair of key and price, and multiplied as
`Decimal` here: exact, and quick over a hundred thousand resources. Only the last step divides.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import frozen

from runctl_core.clock import from_micros, to_micros
from runctl_core.models.money import Total

if TYPE_CHECKING:
    from runctl_core.models.burn import Burn

GROUPS = {
    "run": "resources.run_id",
    "project": "resources.project",
    "owner": "resources.owner",
    "provider": "resources.provider",
    "resource": "resources.provider || '/' || resources.id",
    "state": "intervals.state",
}
"""What costs can be grouped by, besides `day` and `month`, and the column it is."""

NOBODY = "(none)"
"""The key of what carries no tag for the group."""

HOUR_MICROS = Decimal(3_600_000_000)

_FROM = "FROM intervals JOIN resources ON resources.key = intervals.resource"
_BEGIN = "MAX(since, :low)"
_END = "MIN(COALESCE(until, :high), :high)"


@frozen
class Window:
    """Which part of the ledger is summed.

    Attributes:
        since: Where it begins; None for the very beginning.
        until: Where it ends, not included; what goes on counts up to there.
        run_id: Only the resources of this run.
        owner: Only what is this owner's, or was made for a run in these books.
    """

    since: datetime | None
    until: datetime
    run_id: str | None = None
    owner: str | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of a query."""
        low = 0 if self.since is None else to_micros(self.since)
        return {"low": low, "high": to_micros(self.until), "run": self.run_id, "owner": self.owner}

    @property
    def condition(self) -> str:
        """What an interval in the window fulfils, in SQL."""
        return f"{_END} > {_BEGIN}{_whose(self.run_id, self.owner)}"


def _whose(run_id: str | None, owner: str | None) -> str:
    ours = "(resources.owner = :owner OR resources.run_id IN (SELECT id FROM runs))"
    only_run = "" if run_id is None else " AND resources.run_id = :run"
    return only_run if owner is None else f"{only_run} AND {ours}"


def by_column(db: sqlite3.Connection, by: str, window: Window) -> dict[str, Total]:
    """Totals for each value of a column, ordered by it."""
    return _totals(db, GROUPS[by], window)


def total(db: sqlite3.Connection, window: Window) -> Total:
    """The whole window in one sum, in which a resource of unknown price counts once."""
    return _totals(db, "''", window).get(NOBODY, Total())


def _totals(db: sqlite3.Connection, column: str, window: Window) -> dict[str, Total]:
    query = f"""
        SELECT {column}, intervals.hourly_usd,
               SUM({_END} - {_BEGIN}), SUM(({_END} - {_BEGIN}) * estimated),
               CASE WHEN intervals.hourly_usd IS NULL THEN COUNT(DISTINCT resource) ELSE 0 END
        {_FROM} WHERE {window.condition} GROUP BY 1, 2
    """
    usd: dict[str, Decimal] = defaultdict(Decimal)
    estimated: dict[str, Decimal] = defaultdict(Decimal)
    unknown: dict[str, int] = defaultdict(int)
    for key, hourly, micros, guessed_micros, count in db.execute(query, window.values):
        name, price = key or NOBODY, Decimal(hourly or 0)
        usd[name] += price * micros
        estimated[name] += price * guessed_micros
        unknown[name] += count
    return {n: Total(usd[n] / HOUR_MICROS, unknown[n], estimated[n] / HOUR_MICROS) for n in sorted(usd)}


def burning(db: sqlite3.Connection, by: str, run_id: str | None = None) -> dict[str, Burn]:
    """What is paid per hour for what is not gone, for each value of a column."""
    from runctl_core.models.burn import Burn

    query = f"""
        SELECT {GROUPS[by]}, intervals.hourly_usd, COUNT(*), SUM(estimated)
        {_FROM} WHERE until IS NULL{_whose(run_id, None)} GROUP BY 1, 2
    """
    found: dict[str, Burn] = defaultdict(Burn)
    for key, hourly, count, guessed in db.execute(query, {"run": run_id}):
        price = Decimal(hourly or 0)
        unknown = count if hourly is None else 0
        found[key or NOBODY] += Burn(price * count, unknown, price * guessed, count)
    return dict(found)


def commitments(
    db: sqlite3.Connection, owner: str, but: str | None
) -> Iterator[tuple[Decimal | None, datetime | None]]:
    """Price and deadline of what is there, and of each intent of which nobody knows what became of it."""
    query = f"""
        SELECT intervals.hourly_usd, intents.deadline
        {_FROM} LEFT JOIN intents ON intents.provider = resources.provider
                                 AND intents.resource_id = resources.id
        WHERE until IS NULL{_whose(None, owner)}
        UNION ALL
        SELECT hourly_usd, deadline FROM intents WHERE settled = 0 AND token IS NOT :but
    """  # noqa: S608
    for hourly, deadline in db.execute(query, {"owner": owner, "but": but}):
        price = None if hourly is None else Decimal(hourly)
        yield price, None if deadline is None else from_micros(deadline)


def rows(db: sqlite3.Connection, query: str, window: Window) -> Iterable[Any]:
    """What a query over the window finds; `{end}`, `{begin}` and `{where}` stand for its parts."""
    text = query.format(begin=_BEGIN, end=_END, where=f"{_FROM} WHERE {window.condition}")
    return db.execute(text, window.values)
