"""A resource with everything that the books say of it, and all of them at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from shlex import quote

from attrs import field, frozen

from runctl_core.errors import RunctlError
from runctl_core.models.marks import Mark, Marked
from runctl_core.models.money import HOURS_A_MONTH
from runctl_core.models.resources import Resource
from runctl_core.models.runs import Run


@frozen
class Item:
    """One resource, with everything that the books say of it.

    Attributes:
        resource: As its provider last showed it.
        problem: Why it could not be ended; empty for none.
        first_seen: When it came into the books; None for what is not in them.
        last_seen: When its provider last showed it.
        run: The run of these books that it was made for; None when they have no such run.
        marks: What the user said of it.
    """

    resource: Resource
    problem: str = field(default="", kw_only=True)
    first_seen: datetime | None = field(default=None, kw_only=True)
    last_seen: datetime = field(kw_only=True)
    run: Run | None = field(default=None, kw_only=True)
    marks: Mapping[Mark, Marked] = field(factory=dict, kw_only=True)

    @property
    def key(self) -> str:
        """`provider/id`: what commands print and take."""
        return f"{self.resource.provider}/{self.resource.id}"

    @property
    def word(self) -> str:
        """The key as one word of a command that a user may paste into a shell: ids are anybody's text."""
        return quote(self.key)

    @property
    def hourly_usd(self) -> Decimal | None:
        """What an hour of it costs in its present state; None when nobody knows."""
        return self.resource.price.hourly_usd

    @property
    def monthly_usd(self) -> Decimal | None:
        """The same for a month of 730 hours."""
        return None if self.hourly_usd is None else self.hourly_usd * HOURS_A_MONTH

    @property
    def bills(self) -> bool:
        """Whether it costs money. An unknown price may be any; a price of zero is none."""
        return self.hourly_usd is None or self.hourly_usd > 0

    @property
    def ours(self) -> bool:
        """Whether runctl made it, or the user adopted it."""
        return self.resource.managed or Mark.ADOPTED in self.marks

    def belongs_to(self, owner: str) -> bool:
        """Whether runctl made it for `owner`, or the user adopted it, whoever made it."""
        return Mark.ADOPTED in self.marks or (self.resource.managed and self.resource.owner == owner)

    @property
    def protected(self) -> bool:
        """Whether a mark or a tag forbids deleting it."""
        return self.resource.protected or Mark.PROTECTED in self.marks

    @property
    def created_at(self) -> datetime | None:
        """When it was made; where its provider does not tell, when it came into the books."""
        return self.resource.created_at or self.first_seen

    @property
    def by_price(self) -> tuple[bool, Decimal, str]:
        """The key that sorts items by money: unknown prices first, they may be any; then the dearest."""
        return (self.hourly_usd is not None, -(self.hourly_usd or Decimal(0)), self.key)


@frozen
class Inventory:
    """What there was at one moment.

    Attributes:
        items: Everything: what runctl made, what was adopted, and what neither is true of. The last
            kind is known only of providers that answered: the books do not have it.
        problems: Provider to the reason why it could not be asked; its items are then the last known.
        taken_at: The moment.
    """

    items: tuple[Item, ...]
    problems: Mapping[str, RunctlError] = field(factory=dict, kw_only=True)
    taken_at: datetime = field(kw_only=True)

    def last_answer(self, provider: str) -> datetime | None:
        """When the provider last showed any of its items; None when nothing of it is known."""
        return max((i.last_seen for i in self.items if i.resource.provider == provider), default=None)
