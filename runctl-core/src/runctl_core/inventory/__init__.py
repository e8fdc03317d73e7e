"""What exists at the providers, joined with the books: its cost, its owner, what it is for."""

from __future__ import annotations

from runctl_core.inventory.find import find
from runctl_core.inventory.items import Inventory, Item
from runctl_core.inventory.take import known_inventory, take_inventory

__all__ = ["Inventory", "Item", "find", "known_inventory", "take_inventory"]
