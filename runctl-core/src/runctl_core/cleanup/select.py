"""Which resources a cleanup is about. What is not meant is neither deleted nor told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runctl_core.models.marks import Mark

if TYPE_CHECKING:
    from runctl_core.inventory import Inventory, Item
    from runctl_core.inventory.filters import Filter
    from runctl_core.tracking import ResourceTracker


def meant(
    tracker: ResourceTracker, inventory: Inventory, wanted: Filter, owner: str, *, only_orphans: bool = False
) -> list[Item]:
    """What a cleanup is about that names no resource: an owner's own, without what they ignore.

    Another owner's resources are never meant by accident: not even with `--force`.

    Args:
        tracker: The books.
        inventory: Everything.
        wanted: What narrows it.
        owner: Whose.
        only_orphans: Leave out what some run of these books explains.
    """
    from runctl_core.inventory.filters import select
    from runctl_core.inventory.orphans import kept_runs, orphans

    fitting = select(inventory, wanted).items
    found = [item for item in fitting if item.belongs_to(owner) and Mark.IGNORED not in item.marks]
    if not only_orphans:
        return found
    unexplained = {orphan.item.key for orphan in orphans(inventory, kept_runs(tracker, inventory))}
    return [item for item in found if item.key in unexplained]
