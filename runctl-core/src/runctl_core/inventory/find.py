"""The item that a user means."""

from __future__ import annotations

import difflib

from runctl_core.errors import NotFound
from runctl_core.inventory.items import Inventory, Item


def find(inventory: Inventory, ref: str) -> Item:
    """The item meant by `provider/id`, or by an id or a name that only one has.

    Raises:
        NotFound: None is meant, or several are.
    """
    for wanted in (_key, _id, _name):
        found = [item for item in inventory.items if wanted(item) == ref]
        if len(found) == 1:
            return found[0]
        if found:
            keys = ", ".join(sorted(item.key for item in found)[:5])
            raise NotFound(f"{ref} may be {keys}", why="several have it", fix="name it as PROVIDER/ID")
    raise _not_found(inventory, ref)


def _key(item: Item) -> str:
    return item.key


def _id(item: Item) -> str:
    return item.resource.id


def _name(item: Item) -> str:
    return item.resource.name


def _not_found(inventory: Inventory, ref: str) -> NotFound:
    words = {word: item for item in inventory.items for word in (item.key, item.resource.id)}
    near = {words[word].key for word in difflib.get_close_matches(ref, words, n=3)}
    reasons = [f"near ones: {', '.join(sorted(near))}"] if near else []
    reasons += [f"{name} does not answer: {error.message}" for name, error in inventory.problems.items()]
    return NotFound(f"no resource {ref}", why="; ".join(reasons), fix="runctl resources list --all")
