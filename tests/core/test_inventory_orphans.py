"""An orphan bills, and no run of ours explains it."""

from __future__ import annotations

import pytest

from core.inventory_items import inventory, item, run
from runctl_core.inventory import Item
from runctl_core.inventory.orphans import orphans
from runctl_core.models.marks import Mark
from runctl_core.models.resources import ResourceState
from runctl_core.models.runs import OVER, RunState

RUN_TAG = {"runctl:run": "calm-crab-11"}


def reasons(*items: Item, kept: tuple[str, ...] = ()) -> dict[str, str]:
    return {orphan.item.resource.id: orphan.reason for orphan in orphans(inventory(*items), kept)}


def test_what_runctl_did_not_make_and_bills_is_an_orphan() -> None:
    assert reasons(item(managed=False)) == {"i-1": "runctl did not make it"}


def test_what_carries_no_run_is_an_orphan() -> None:
    assert reasons(item()) == {"i-1": "it carries no run"}


def test_a_run_that_these_books_do_not_have_explains_nothing() -> None:
    assert reasons(item(tags=RUN_TAG)) == {"i-1": "unknown run calm-crab-11"}


def test_a_live_run_explains_its_machine() -> None:
    assert not reasons(item(tags=RUN_TAG, run=run()))


def test_a_run_that_is_being_launched_explains_its_machine() -> None:
    assert not reasons(item(tags=RUN_TAG, run=run(RunState.PROVISIONING, resource=None)))


@pytest.mark.parametrize("state", sorted(OVER))
def test_a_run_that_is_over_explains_nothing(state: RunState) -> None:
    assert reasons(item(run=run(state))) == {"i-1": f"calm-crab-11 is over: {state}"}


def test_a_run_that_keeps_its_machine_explains_it() -> None:
    assert not reasons(item(run=run(RunState.SUCCEEDED)), kept=("calm-crab-11",))


def test_the_machine_of_an_earlier_attempt_is_an_orphan() -> None:
    found = reasons(item("i-1", run=run(resource="i-2")), item("i-2", run=run(resource="i-2")))
    assert found == {"i-1": "calm-crab-11 has another machine by now"}


def test_a_runs_volume_is_explained_beside_its_machine() -> None:
    assert not reasons(item("v-1", kind="volume", run=run(resource="i-1")))


@pytest.mark.parametrize("mark", [Mark.IGNORED, Mark.ADOPTED])
def test_what_the_user_ignores_or_adopted_is_none(mark: Mark) -> None:
    assert not reasons(item(managed=False, marks=(mark,)))


def test_what_is_protected_is_still_reported() -> None:
    assert reasons(item(managed=False, marks=(Mark.PROTECTED,)))


def test_an_unknown_price_counts_as_billing() -> None:
    assert reasons(item(usd=None)), "a machine of unknown price was taken for a free one"


def test_what_is_free_is_none() -> None:
    assert not reasons(item(usd="0"))


def test_what_is_stopped_and_still_bills_is_one() -> None:
    assert reasons(item(usd="0.02", state=ResourceState.STOPPED))


def test_what_could_not_be_ended_is_one_though_its_run_lives() -> None:
    assert reasons(item(run=run(), problem="refused")) == {"i-1": "it could not be ended: refused"}


def test_a_disk_is_explained_by_the_machine_that_has_it() -> None:
    machine = item("i-1", run=run())
    assert not reasons(machine, item("v-1", kind="volume", attached_to="i-1", managed=False))


def test_the_disk_of_an_orphan_is_one_too() -> None:
    disk = item("v-1", kind="volume", attached_to="i-1", managed=False)
    assert reasons(item("i-1"), disk)["v-1"] == "runctl did not make it; it is attached to i-1"


def test_the_disk_of_another_providers_machine_of_the_same_id_is_not_explained() -> None:
    machine = item("i-1", provider="other", run=run())
    assert "v-1" in reasons(machine, item("v-1", kind="volume", attached_to="i-1", managed=False))


def test_the_dearest_orphan_comes_first_and_unknown_prices_before_it() -> None:
    assert list(reasons(item("i-1"), item("i-2", usd="9"), item("i-3", usd=None))) == ["i-3", "i-2", "i-1"]
