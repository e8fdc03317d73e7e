"""Values as they stand in JSON: money is text, so that no digit is lost, and moments are in UTC."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from runctl_core.clock import iso


def money(usd: Decimal | None) -> str | None:
    """Dollars as plain decimal text, never `0E-7`; None when they are unknown."""
    if usd is None:
        return None
    text = f"{usd:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def moment(at: datetime | None) -> str | None:
    """A moment in UTC; None for one that has not come."""
    return None if at is None else iso(at)
