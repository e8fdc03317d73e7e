"""What changed between two looks: nothing is missed, and silence is no end."""

from __future__ import annotations

from core.inventory_items import inventory, item
from runctl_core.inventory import Inventory
from runctl_core.inventory.changes import carry, changes
from runctl_core.models.resources import ResourceState


def told(before: Inventory, after: Inventory) -> list[tuple[str, str, str, str]]:
    found = changes(before, after)
    return [(str(c.change), c.item.key, c.before, c.after) for c in found]


def test_what_is_new_is_told() -> None:
    assert told(inventory(), inventory(item())) == [("new", "cloud/i-1", "", "running")]


def test_what_is_gone_is_told() -> None:
    assert told(inventory(item()), inventory()) == [("gone", "cloud/i-1", "running", "")]


def test_a_change_of_state_and_one_of_price_are_told_apart() -> None:
    after = inventory(item(state=ResourceState.STOPPED, usd="0.02"))
    assert told(inventory(item()), after) == [
        ("state", "cloud/i-1", "running", "stopped"),
        ("price", "cloud/i-1", "$2.00/h", "$0.02/h"),
    ]


def test_a_price_that_becomes_unknown_is_told() -> None:
    assert told(inventory(item()), inventory(item(usd=None)))[0][2:] == ("$2.00/h", "unknown price")


def test_nothing_is_told_of_what_stays() -> None:
    assert not told(inventory(item()), inventory(item()))


def test_what_a_silent_provider_had_is_not_gone() -> None:
    before, after = inventory(item(managed=False)), inventory(silent=("cloud",))
    assert not told(before, carry(before, after)), "a provider that hung was taken for an empty one"


def test_what_goes_while_another_provider_is_silent_is_told() -> None:
    before, after = inventory(item()), inventory(silent=("other",))
    assert [change[0] for change in told(before, carry(before, after))] == ["gone"]
