"""What there is at every provider, joined with the books."""

from __future__ import annotations

from runctl_core.inventory.items import Inventory, Item
from runctl_core.inventory.survey import known_inventory, take_inventory

__all__ = ["Inventory", "Item", "known_inventory", "take_inventory"]
