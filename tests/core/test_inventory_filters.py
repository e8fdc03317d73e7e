"""What a list is about: each filter alone, and the order by money."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.inventory_items import NOON, inventory, item
from runctl_core.errors import NotFound
from runctl_core.inventory import find
from runctl_core.inventory.filters import Filter, select
from runctl_core.models.marks import Mark
from runctl_core.models.resources import ResourceState

STRANGER = item("i-9", managed=False)
STOPPED = item("i-2", state=ResourceState.STOPPED)
VOLUME = item("v-1", kind="volume")
TAGGED = item("i-3", tags={"team": "vision", "runctl:owner": "you", "runctl:project": "paper"})
OLD = item("i-4", created_at=NOON - timedelta(days=8))
EVERYTHING = inventory(item("i-1"), STRANGER, STOPPED, VOLUME, TAGGED, OLD)


def listed(**fields: Any) -> list[str]:
    return sorted(found.resource.id for found in select(EVERYTHING, Filter(**fields)).items)


def test_what_runctl_did_not_make_is_left_out() -> None:
    assert listed() == ["i-1", "i-2", "i-3", "i-4", "v-1"]


def test_what_was_adopted_is_listed() -> None:
    adopted = inventory(item("i-9", managed=False, marks=(Mark.ADOPTED,)))
    assert select(adopted, Filter()).items == adopted.items


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"every": True}, ["i-1", "i-2", "i-3", "i-4", "i-9", "v-1"]),
        ({"states": [ResourceState.STOPPED]}, ["i-2"]),
        ({"kinds": ["volume"]}, ["v-1"]),
        ({"owner": "you"}, ["i-3"]),
        ({"project": "paper"}, ["i-3"]),
        ({"tags": {"team": "vision"}}, ["i-3"]),
        ({"tags": {"team": "speech"}}, []),
        ({"made_before": NOON - timedelta(days=7)}, ["i-4"]),
        ({"owner": "you", "kinds": ["volume"]}, []),
    ],
    ids=str,
)
def test_a_filter_leaves_what_fits(fields: dict[str, Any], expected: list[str]) -> None:
    assert listed(**fields) == expected


def test_unknown_prices_come_first_for_they_may_be_the_dearest() -> None:
    priced = inventory(
        item("i-1", usd="0"), item("i-2", usd="3"), item("i-3", usd=None), item("i-4", usd="40")
    )
    assert [i.resource.id for i in select(priced, Filter()).items] == ["i-3", "i-4", "i-2", "i-1"]


@pytest.mark.parametrize("ref", ["cloud/i-4", "i-4", "name-of-i-4"])
def test_a_resource_is_meant_by_its_key_its_id_or_its_name(ref: str) -> None:
    assert find(EVERYTHING, ref) is OLD


def test_an_id_that_two_providers_have_is_not_guessed() -> None:
    twins = inventory(item("i-1"), item("i-1", provider="other"))
    with pytest.raises(NotFound, match="cloud/i-1, other/i-1"):
        find(twins, "i-1")
    assert find(twins, "other/i-1").resource.provider == "other"


def test_what_is_not_found_names_near_ones_and_who_did_not_answer() -> None:
    with pytest.raises(NotFound) as caught:
        find(inventory(item("i-4711"), silent=("other",)), "i-4712")
    assert caught.value.why == "near ones: cloud/i-4711; other does not answer: it hangs"
