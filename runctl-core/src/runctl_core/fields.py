"""Values as they stand in JSON: money is text, so that no digit is lost, and moments are in UTC."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from runctl_core.clock import iso

if TYPE_CHECKING:
    from runctl_core.models.money import Total


def money(usd: Decimal | None) -> str | None:
    """Dollars as plain decimal text, never `0E-7`; None when they are unknown."""
    if usd is None:
        return None
    text = f"{usd:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def moment(at: datetime | None) -> str | None:
    """A moment in UTC; None for one that has not come."""
    return None if at is None else iso(at)


def of_total(total: Total) -> dict[str, Any]:
    """A sum of money, the part that is an estimate, and how many of unknown price it leaves out."""
    return {
        "cost_usd": money(total.usd),
        "cost_estimated_usd": money(total.estimated_usd),
        "cost_unknown_resources": total.unknown,
    }


def of_burn(hourly_usd: Decimal, unknown: int, estimated_usd: Decimal) -> dict[str, Any]:
    """What is paid per hour, the part that is an estimate, and how many of unknown price it leaves out."""
    return {
        "hourly_usd": money(hourly_usd),
        "hourly_estimated_usd": money(estimated_usd),
        "hourly_unknown_resources": unknown,
    }
