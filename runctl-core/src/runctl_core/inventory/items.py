"""One resource with everything that the books say of it, and all of them at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from runctl_core.errors import RunctlError
from runctl_core.models.resources import Resource
from runctl_core.models.runs import Run
from runctl_core.tracking import Mark, Marked


@frozen
class Item:
    """One resource.

    Attributes:
        resource: As its provider last showed it.
        last_seen: When that was.
        first_seen: When it came into the books; None for what is not in them.
        problem: Why it could not be ended, while that is not settled; empty for none.
        run: The run of these books that it was made for.
        marks: What the user says of it.
    """

    resource: Resource
    last_seen: datetime
    first_seen: datetime | None = None
    problem: str = ""
    run: Run | None = None
    marks: Mapping[Mark, Marked] = field(factory=dict)

    @property
    def key(self) -> str:
        """`provider/id`: what commands print and take."""
        return f"{self.resource.provider}/{self.resource.id}"

    @property
    def ours(self) -> bool:
        """Whether runctl made it, or the user adopted it; only that is in the books."""
        return self.resource.managed or Mark.ADOPTED in self.marks


@frozen
class Inventory:
    """Everything that there is.

    Attributes:
        items: What runctl made, what the user adopted, and what is nobody's.
        taken_at: When it was taken.
        problems: Each provider that could not be asked, and why: its items are the last known ones.
    """

    items: tuple[Item, ...]
    taken_at: datetime
    problems: Mapping[str, RunctlError] = field(factory=dict)
