"""A summary's figures: counts, prices per hour, and what the ledger says was spent."""

from __future__ import annotations

from decimal import Decimal

from attrs import evolve

from core.inventory_items import item
from runctl_core.inventory.summary import GROUPS, Group, burn, summarize
from runctl_core.models.burn import Burn
from runctl_core.models.money import Price, Total
from runctl_core.models.resources import ResourceState

NOTHING: dict[str, dict[str, Total]] = {by: {} for by in GROUPS}


def spent(**totals: dict[str, Total]) -> dict[str, dict[str, Total]]:
    return {**NOTHING, **totals}


def group(by: str, key: str, *items: object, today: object = NOTHING) -> Group:
    found = summarize(items, today, NOTHING).groups[by]  # type: ignore[arg-type]
    return next(each for each in found if each.key == key)


def test_prices_are_added_and_unknown_ones_are_counted_and_never_zero() -> None:
    assert burn([item(), item(usd="0.50"), item(usd=None)]) == Burn(Decimal("2.50"), 1, Decimal(0), 3)


def test_the_part_that_is_an_estimate_is_told() -> None:
    guessed = item()
    guessed = evolve(guessed, resource=evolve(guessed.resource, price=Price(Decimal(3), estimated=True)))
    assert burn([item(), guessed]).estimated_hourly_usd == 3


def test_everything_is_counted_in_a_group_of_each_grouping() -> None:
    items = (item(), item(state=ResourceState.STOPPED), item(tags={"runctl:project": "paper"}))
    found = summarize(items, NOTHING, NOTHING)
    counts = {by: {g.key: g.now.resources for g in groups} for by, groups in found.groups.items()}
    assert counts == {
        "provider": {"cloud": 3},
        "project": {"demo": 2, "paper": 1},
        "owner": {"me": 3},
        "state": {"running": 2, "stopped": 1},
    }


def test_what_carries_no_tag_stands_in_the_group_of_nobody() -> None:
    assert group("owner", "(none)", item(managed=False)).now.resources == 1


def test_what_was_spent_on_what_is_gone_has_a_row_too() -> None:
    found = group("project", "gone", today=spent(project={"gone": Total(Decimal(7))}))
    assert (found.now.resources, found.today.usd) == (0, 7), "money of a finished project was left out"


def test_the_whole_is_the_sum_over_all_providers() -> None:
    today = spent(provider={"cloud": Total(Decimal(1)), "other": Total(Decimal(2), 1)})
    assert summarize([item()], today, NOTHING).whole.today == Total(Decimal(3), 1)


def test_the_dearest_group_comes_first() -> None:
    items = (item(provider="cheap", usd="1"), item(provider="dear", usd="9"))
    groups = summarize(items, NOTHING, NOTHING).groups["provider"]
    assert [each.key for each in groups] == ["dear", "cheap"]
