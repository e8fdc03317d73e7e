"""Time, passed in, so that tests own it.

Moments are aware `datetime`s in UTC. The state store keeps them as whole microseconds since 1970,
which loses nothing and sorts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Returns the present moment, aware and in UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.fromtimestamp(time.time(), UTC)


def to_micros(moment: datetime) -> int:
    """Whole microseconds since 1970. Raises TypeError for a moment without a time zone."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The moment that `to_micros` made into `micros`."""
    return _EPOCH + timedelta(microseconds=micros)


def iso(moment: datetime) -> str:
    """`2026-11-23T16:15:55Z`: how moments stand in JSON, to the second and always in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"


def day_of(moment: datetime) -> datetime:
    """The midnight that a moment's day began with."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def month_of(moment: datetime) -> datetime:
    """The midnight that a moment's month began with."""
    return day_of(moment).replace(day=1)
