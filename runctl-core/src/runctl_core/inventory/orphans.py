"""What bills and no run of ours explains."""

from __future__ import annotations

from collections.abc import Collection

from attrs import frozen

from runctl_core.inventory.items import Inventory, Item
from runctl_core.models.marks import Mark
from runctl_core.tracking import ResourceTracker

_ALONE = ("machine", "job")
"""The kinds of which a run uses one at a time."""


@frozen
class Orphan:
    """A resource that bills, and why no run explains it, in a few words."""

    item: Item
    reason: str


def kept_runs(tracker: ResourceTracker, inventory: Inventory) -> Collection[str]:
    """The ids of the runs that are over and whose plan keeps the machine."""
    over = {item.run.id for item in inventory.items if item.run is not None and item.run.state.over}
    return tracker.keeping_runs(over) if over else ()


def orphans(inventory: Inventory, kept: Collection[str]) -> list[Orphan]:
    """What bills and nothing explains, the dearest first; unknown prices before every known one.

    Args:
        inventory: Everything; what runctl did not make too.
        kept: The ids of the runs whose plan keeps the machine.
    """
    by_key = {item.key: item for item in inventory.items}
    found = [Orphan(item, _reason(item, by_key, kept)) for item in inventory.items if item.bills]
    return sorted((o for o in found if o.reason), key=lambda orphan: orphan.item.by_price)


def _reason(item: Item, by_key: dict[str, Item], kept: Collection[str]) -> str:
    """Why nothing explains the item; empty when something does. A disk is explained by its machine."""
    reason = _own_reason(item, kept)
    resource = item.resource
    machine = by_key.get(f"{resource.provider}/{resource.attached_to}") if resource.kind == "volume" else None
    if reason and machine is not None and not item.problem:
        return _own_reason(machine, kept) and f"{reason}; it is attached to {resource.attached_to}"
    return reason


def _own_reason(item: Item, kept: Collection[str]) -> str:
    resource, run = item.resource, item.run
    if Mark.IGNORED in item.marks or Mark.ADOPTED in item.marks:
        return ""
    if item.problem:
        return f"it could not be ended: {item.problem}"
    if run is None:
        return _unknown_run(item)
    if resource.kind in _ALONE and run.resource_id not in (None, resource.id):
        return f"{run.id} has another machine by now"
    if run.state.over and run.id not in kept:
        return f"{run.id} is over: {run.state}"
    return ""


def _unknown_run(item: Item) -> str:
    resource = item.resource
    if not resource.managed:
        return "runctl did not make it"
    if resource.run_id is None:
        return "it carries no run"
    return f"unknown run {resource.run_id}"
