"""Prices and sums of money.

A price is `Decimal` US dollars for an hour, with a source and a date. An unknown price is unknown:
it is never zero, and every total says how many unknowns it leaves out.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import field, frozen
from attrs.validators import instance_of, optional

HOURS_A_MONTH = 730
"""8,760 hours of a year by 12: what clouds multiply a price by."""

MOST_HOURLY_USD = Decimal(1_000_000_000)
"""No price is as high: one that is would make every sum that it is in useless, for as long as books last."""


def _possible(_: object, __: object, hourly_usd: Any) -> None:
    if not (hourly_usd.is_finite() and 0 <= hourly_usd < MOST_HOURLY_USD):
        raise ValueError(f"an hour does not cost {hourly_usd:.12g} dollars; an unknown price is None")


@frozen
class Price:
    """What an hour costs.

    Attributes:
        hourly_usd: US dollars for an hour, or None when nobody knows. Raises ValueError for one that is
            negative, no number, or a billion and more.
        source: Where the figure is from: `api`, `catalogue 2026-11-01`.
        as_of: When the figure was true.
        estimated: Whether it may differ from the bill: a list price, or the offer's for a resource
            whose own price its provider does not tell.
    """

    hourly_usd: Decimal | None = field(validator=optional([instance_of(Decimal), _possible]))
    source: str = ""
    as_of: datetime | None = None
    estimated: bool = False

    @property
    def known(self) -> bool:
        """Whether the price is known; free is known."""
        return self.hourly_usd is not None


UNKNOWN_PRICE = Price(None, source="unknown")
"""The price of what nobody knows the price of: never zero, and named in every total."""


@frozen
class Total:
    """A sum over intervals.

    Attributes:
        usd: The sum of every part whose price is known.
        unknown: How many resources had time at an unknown price, and so are not in `usd`.
        estimated_usd: The part of `usd` that is an estimate: its price is one, or nobody saw when the
            resource went, and all the time up to the moment when that was found out is counted.
    """

    usd: Decimal = Decimal(0)
    unknown: int = 0
    estimated_usd: Decimal = Decimal(0)

    def __add__(self, other: Total) -> Total:
        return Total(
            self.usd + other.usd,
            self.unknown + other.unknown,
            self.estimated_usd + other.estimated_usd,
        )
