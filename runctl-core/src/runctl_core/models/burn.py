"""What is paid per hour. Apart from `money`, because a list of runs does without it."""

from __future__ import annotations

from decimal import Decimal

from attrs import frozen


@frozen
class Burn:
    """What is paid per hour now.

    Attributes:
        hourly_usd: The sum of every price that is known.
        unknown: How many resources of unknown price are not in it.
        estimated_hourly_usd: The part of `hourly_usd` that is an estimate.
        resources: How many resources there are, those of unknown price included.
    """

    hourly_usd: Decimal = Decimal(0)
    unknown: int = 0
    estimated_hourly_usd: Decimal = Decimal(0)
    resources: int = 0

    @property
    def figures(self) -> tuple[Decimal, int, Decimal]:
        """The money, how many unknowns it leaves out, and the part that is an estimate."""
        return self.hourly_usd, self.unknown, self.estimated_hourly_usd

    def __add__(self, other: Burn) -> Burn:
        return Burn(
            self.hourly_usd + other.hourly_usd,
            self.unknown + other.unknown,
            self.estimated_hourly_usd + other.estimated_hourly_usd,
            self.resources + other.resources,
        )
