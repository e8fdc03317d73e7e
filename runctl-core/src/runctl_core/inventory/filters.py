"""Which items of an inventory a command is about."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from attrs import evolve, field, frozen

from runctl_core.inventory.items import Inventory, Item
from runctl_core.models.resources import ResourceState


@frozen
class Filter:
    """What an item must be; every field narrows.

    Attributes:
        every: Also what runctl neither made nor adopted.
        states: One of these states; empty for any.
        kinds: One of these kinds; empty for any.
        owner: This owner's.
        project: Made for this project.
        tags: All of these tags, with these values.
        made_before: Made before this moment. What nobody knows the age of is left out.
    """

    every: bool = False
    states: Collection[ResourceState] = ()
    kinds: Collection[str] = ()
    owner: str | None = None
    project: str | None = None
    tags: Mapping[str, str] = field(factory=dict)
    made_before: datetime | None = None

    def admits(self, item: Item) -> bool:
        """Whether the item fits."""
        resource = item.resource
        return (
            (self.every or item.ours)
            and (not self.states or resource.state in self.states)
            and (not self.kinds or resource.kind in self.kinds)
            and (self.owner is None or resource.owner == self.owner)
            and (self.project is None or resource.project == self.project)
            and self.tags.items() <= resource.tags.items()
            and (self.made_before is None or _was_made_before(item, self.made_before))
        )


def _was_made_before(item: Item, moment: datetime) -> bool:
    return item.created_at is not None and item.created_at < moment


def select(inventory: Inventory, wanted: Filter) -> Inventory:
    """The inventory of what fits, sorted by money: unknown prices first, then the dearest."""
    fitting = [item for item in inventory.items if wanted.admits(item)]
    return evolve(inventory, items=tuple(sorted(fitting, key=lambda item: item.by_price)))
