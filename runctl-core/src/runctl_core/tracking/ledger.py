"""`Ledger`: the money side of the books. What it needs for sums is imported when a sum is asked for."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from runctl_core.clock import Clock, to_micros
from runctl_core.tracking.store import Store

if TYPE_CHECKING:
    from runctl_core.models.burn import Burn
    from runctl_core.models.money import Total


class Ledger:
    """What was spent, what is paid now, and what was told of budgets. Every method may raise StateError.

    Args:
        store: The state file.
        clock: The time.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def costs(
        self,
        *,
        by: str,
        since: datetime | None = None,
        until: datetime | None = None,
        run_id: str | None = None,
    ) -> dict[str, Total]:
        """What was spent, by `run`, `project`, `owner`, `provider`, `resource`, `state`, `day` or `month`.

        Time that goes on counts up to `until`, or now. Days and months are those of UTC.
        """
        from runctl_core.tracking import calendar, costs

        window = costs.Window(since, until or self._clock(), run_id)
        with self._store.reading() as db:
            if by in ("day", "month"):
                return calendar.by_calendar(db, by, window)
            return costs.by_column(db, by, window)

    def total_cost(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        run_id: str | None = None,
        owner: str | None = None,
    ) -> Total:
        """What was spent in a window, in one sum.

        Args:
            since: Where the window begins; the books' beginning by default.
            until: Where it ends; now by default.
            run_id: Only the resources of this run.
            owner: Only what is this owner's, or was made for a run in these books.
        """
        from runctl_core.tracking import costs

        with self._store.reading() as db:
            return costs.total(db, costs.Window(since, until or self._clock(), run_id, owner))

    def cost_of_run(self, run_id: str) -> Total:
        """What all attempts of a run cost up to now."""
        return self.total_cost(run_id=run_id)

    def burn(self, *, by: str = "provider", run_id: str | None = None) -> dict[str, Burn]:
        """What is paid per hour now, for everything that is not gone, in the state last seen."""
        from runctl_core.tracking import costs

        with self._store.reading() as db:
            return costs.burning(db, by, run_id)

    def commitments(
        self, owner: str, *, but: str | None = None
    ) -> list[tuple[Decimal | None, datetime | None]]:
        """Price and deadline of what is paid for or being made, of an owner or for a run in these books.

        Args:
            owner: Whose.
            but: The token of an intent to leave out.
        """
        from runctl_core.tracking import costs

        with self._store.reading() as db:
            return list(costs.commitments(db, owner, but))

    def mark_warned(self, budget: str, period: str, percents: Collection[int]) -> bool:
        """Write that these parts of a budget were told of; whether the largest is new."""
        query = "SELECT MAX(percent) FROM budget_warnings WHERE budget = ? AND period = ?"
        with self._store.reading() as db:
            if (db.execute(query, (budget, period)).fetchone()[0] or 0) >= max(percents):
                return False
        rows = [(budget, period, percent, to_micros(self._clock())) for percent in percents]
        with self._store.writing() as db:
            told = db.execute(query, (budget, period)).fetchone()[0] or 0
            db.executemany("INSERT OR IGNORE INTO budget_warnings VALUES (?, ?, ?, ?)", rows)
        return bool(max(percents) > told)
