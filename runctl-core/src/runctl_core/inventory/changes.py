"""What changed between two looks at everything that there is."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import evolve, frozen

from runctl_core.inventory.items import Inventory, Item
from runctl_core.words import hourly


class Change(StrEnum):
    """What happened to a resource."""

    NEW = "new"
    GONE = "gone"
    STATE = "state"
    PRICE = "price"


@frozen
class Changed:
    """One change.

    Attributes:
        change: Which.
        item: The resource, as it is now; as it was, when it is gone.
        before: Its state or price before, in words; empty for what is new.
        after: The same now; empty for what is gone.
        at: When it was noticed.
    """

    change: Change
    item: Item
    before: str
    after: str
    at: datetime


def carry(before: Inventory, after: Inventory) -> Inventory:
    """The later inventory with what a silent provider was seen to have: silence is no end."""
    known = {item.key for item in after.items}
    silent = [i for i in before.items if i.resource.provider in after.problems and i.key not in known]
    return evolve(after, items=(*after.items, *silent))


def changes(before: Inventory, after: Inventory) -> list[Changed]:
    """Every change, in the order of the later inventory; what is gone comes last."""
    was = {item.key: item for item in before.items}
    now = {item.key: item for item in after.items}
    found = [change for key, item in now.items() for change in _of(was.get(key), item, after.taken_at)]
    gone = [item for key, item in was.items() if key not in now]
    return found + [Changed(Change.GONE, item, _state(item), "", after.taken_at) for item in gone]


def _of(was: Item | None, item: Item, at: datetime) -> list[Changed]:
    if was is None:
        return [Changed(Change.NEW, item, "", _state(item), at)]
    found = [(Change.STATE, _state(was), _state(item)), (Change.PRICE, _price(was), _price(item))]
    return [Changed(change, item, old, new, at) for change, old, new in found if old != new]


def _state(item: Item) -> str:
    return str(item.resource.state)


def _price(item: Item) -> str:
    return hourly(item.hourly_usd)
