"""`runctl burn`, answered at once: one query to the state file, and nothing imported but SQLite.

It answers only when all is well. Where anything is in the way (a state file of another version, one
that is damaged or cannot be read), it says nothing, and `cli.cost.burn` tells what is wrong.
"""

from __future__ import annotations

import os
import sqlite3
from decimal import Decimal
from typing import Any

from runctl_core.cli import output
from runctl_core.fields import of_burn
from runctl_core.paths import database_path

Figures = tuple[Decimal, int, Decimal]

STATE_VERSION = 4
"""The version of the state file that the queries fit: how many migrations it has gone through."""

_PAID = "SELECT hourly_usd, COUNT(*), SUM(estimated) FROM intervals WHERE until IS NULL GROUP BY 1"
_SEEN = (
    "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', MIN(last_seen) / 1000000, 'unixepoch') "
    "FROM resources WHERE gone_at IS NULL"
)


def answer(*, json: bool) -> str | None:
    """What `runctl burn` prints; None when it cannot be said in this way."""
    path = database_path()
    if not os.path.exists(path):
        return in_words((Decimal(0), 0, Decimal(0)), 0, None, json=json)
    try:
        db = sqlite3.connect(f"file:{_in_uri(path)}?mode=ro", uri=True)
        try:
            if db.execute("PRAGMA user_version").fetchone()[0] != STATE_VERSION:
                return None
            paid = db.execute(_PAID).fetchall()
            return in_words(*_sum(paid), db.execute(_SEEN).fetchone()[0] if json else None, json=json)
        finally:
            db.close()
    except (sqlite3.Error, ValueError, ArithmeticError):  # a path that is no text, a price that is none
        return None


def in_words(figures: Figures, resources: int, seen_at: str | None, *, json: bool) -> str:
    """The line, or the document.

    Args:
        figures: As `Burn.figures` has them.
        resources: How many resources there are.
        seen_at: The oldest look at one of them.
        json: Whether it is to be the document.
    """
    if json:
        return output.in_json({**of_burn(*figures), "resource_count": resources, "seen_at": seen_at})
    return output.per_hour(*figures) + "\n"


def _sum(paid: list[Any]) -> tuple[Figures, int]:
    """The figures of prices per hour, each with its resources and the estimates among them; how many."""
    known = [(Decimal(hourly), count, guesses) for hourly, count, guesses in paid if hourly is not None]
    resources = sum(count for _, count, _ in paid)
    figures = (
        sum((hourly * count for hourly, count, _ in known), Decimal(0)),
        resources - sum(count for _, count, _ in known),
        sum((hourly * guesses for hourly, _, guesses in known), Decimal(0)),
    )
    return figures, resources


def _in_uri(path: str) -> str:
    for sign in "%?#":
        path = path.replace(sign, f"%{ord(sign):x}")
    return path
