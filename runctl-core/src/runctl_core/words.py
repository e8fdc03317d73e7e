"""Figures in words: money, time, sizes, numbers of things; and text that is safe to show.

One way for every place that shows them.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runctl_core.models.money import Total


def cost(usd: Decimal | str, unknown: int = 0, estimated_usd: Decimal | str = "0") -> str:
    """`$1,200.24`, or `~$1.24` when a part is an estimate, and how many of unknown price it leaves out."""
    text = _dollars(usd, estimated_usd)
    return f"{text} and {unknown} of unknown price" if unknown else text


def total(spent: Total) -> str:
    """A sum of the ledger's, as `cost` says it."""
    return cost(spent.usd, spent.unknown, spent.estimated_usd)


def per_hour(hourly_usd: Decimal, unknown: int = 0, estimated_usd: Decimal | str = "0") -> str:
    """`$3.61/h`, `~$3.61/h +2 unknown`: what several resources cost together."""
    text = f"{_dollars(hourly_usd, estimated_usd)}/h"
    return f"{text} +{unknown} unknown" if unknown else text


def _dollars(usd: Decimal | str, estimated_usd: Decimal | str) -> str:
    amount = Decimal(usd)
    text = f"${amount:,.2f}" if amount == 0 or amount >= Decimal("0.01") else f"${amount:.4f}"
    return f"~{text}" if Decimal(estimated_usd) else text


def hourly(usd: Decimal | None) -> str:
    """`$2.50/h`, `$0.0104/h`, `free`, or `unknown price`."""
    if usd is None:
        return "unknown price"
    if not usd:
        return "free"
    exact = usd.normalize()
    return f"${exact:,.2f}/h" if exact == round(exact, 2) else f"${exact:f}/h"


def duration(seconds: float | None) -> str:
    """`0.4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`; a dash for None."""
    if seconds is None:
        return "-"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    for size, name, small, small_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {name} {seconds % size // small:.0f} {small_name}"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def age(past: timedelta) -> str:
    """`12 s ago`, `5 min ago`, `3 h ago`, `2 d ago`."""
    seconds = max(0.0, past.total_seconds())
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {name} ago"
    return f"{seconds:.0f} s ago"


def count(number: int, noun: str) -> str:
    """`1 file`, `2 files`, `2 processes`."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def size(size_bytes: float) -> str:
    """`512 B`, `1.5 MB`: in powers of a thousand, as disks are sold."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size_bytes < 1000 or unit == "TB":
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    raise AssertionError("unreachable")


def visible(text: str) -> str:
    """The text with every control character written out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
