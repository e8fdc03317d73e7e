"""Moments on the command line: a day, or an age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runctl_core.clock import now
from runctl_core.errors import UsageError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, option: str) -> datetime:
    """What an option was given: `2026-11-01`, the UTC day's beginning, or `30m`, `12h`, `7d`, `2w` ago.

    Raises:
        UsageError: It is neither.
    """
    if text[-1:] in _UNITS and text[:-1].isdecimal() and len(text) <= 6:
        return now() - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is neither a day nor an age",
            why="a day is written 2026-11-01, an age 30m, 12h, 7d or 2w",
            fix=f"{option} 7d, or {option} {now():%Y-%m-01}",
        ) from error
