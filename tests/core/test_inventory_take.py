"""Taking the inventory: every provider is asked at once, and none spoils the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from runctl_core.errors import (
    AuthenticationError,
    PluginError,
    ResourceNotFound,
    RunctlError,
    StateError,
)
from runctl_core.inventory import Inventory, known_inventory, take_inventory
from runctl_core.models.marks import Mark
from runctl_core.models.money import UNKNOWN_PRICE, Price
from runctl_core.models.resources import TAG_OWNER, TAG_RUN, Resource, ResourceState
from runctl_core.models.runs import Run, RunState
from runctl_core.tracking import ResourceTracker

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MACHINE = Resource("i-1", "alpha", "one", ResourceState.RUNNING, managed=True, price=Price(Decimal(2)))
STRANGER = Resource("i-9", "alpha", "nine", ResourceState.RUNNING, price=Price(Decimal(3)))
RUN = Run("brave-otter-41", "n", "p", "me", "alpha", "t.py", "/w", RunState.RUNNING, NOON)
TAGS = {TAG_RUN: RUN.id, TAG_OWNER: RUN.owner}


class Lister:
    """A provider that lists, and shows only what it lists; what else it does is the test's."""

    listing_delay_s = 0.0

    def __init__(self, lists: Callable[[], Iterable[Any]]) -> None:
        self._lists = lists

    def list_resources(self) -> Iterable[Any]:
        return self._lists()

    def get_resource(self, resource_id: str) -> Resource:
        raise ResourceNotFound(f"there is no {resource_id}")


class Forgetful(Lister):
    """A provider that lists nothing; when it is asked for one, it answers as the test says."""

    def __init__(self, answer: Resource | RunctlError) -> None:
        super().__init__(list)
        self._answer = answer

    def get_resource(self, resource_id: str) -> Resource:
        if isinstance(self._answer, RunctlError):
            raise self._answer
        return evolve(self._answer, id=resource_id)


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ResourceTracker]:
    with ResourceTracker(str(tmp_path / "state.db"), clock=lambda: NOON) as made:
        yield made


def taken(tracker: ResourceTracker, timeout_s: float = 20, clock: datetime = NOON, **lists: Any) -> Inventory:
    """The inventory of providers that list what is given: resources, or a function that lists."""

    def opened(name: str) -> Any:
        given = lists[name]
        return Lister(given if callable(given) else lambda: given)

    return take_inventory(tracker, list(lists), opened, timeout_s=timeout_s, clock=lambda: clock)


def keys(inventory: Inventory) -> list[str]:
    return [item.key for item in inventory.items]


def fails(error: BaseException) -> Callable[[], list[Resource]]:
    def lists() -> list[Resource]:
        raise error

    return lists


def test_what_runctl_made_and_what_it_did_not_make_are_both_listed(tracker) -> None:
    found = taken(tracker, alpha=[MACHINE, STRANGER])
    assert keys(found) == ["alpha/i-1", "alpha/i-9"]
    assert [item.first_seen for item in found.items] == [NOON, None], "a stranger came into the books"


def test_a_provider_that_hangs_is_named_and_the_others_are_whole(tracker) -> None:
    released = threading.Event()
    found = taken(tracker, timeout_s=2, alpha=[MACHINE], beta=lambda: released.wait() or [])
    released.set()
    assert keys(found) == ["alpha/i-1"]
    assert "did not answer" in found.problems["beta"].message


def test_a_late_answer_is_not_written_behind_the_back_of_who_gave_it_up(tracker) -> None:
    released, gone_on = threading.Event(), threading.Event()

    def late() -> Iterator[Resource]:
        released.wait()
        yield evolve(MACHINE, id="i-late")
        gone_on.set()

    taken(tracker, timeout_s=0.2, beta=late)
    released.set()
    assert gone_on.wait(20)
    assert not tracker.resources()


@pytest.mark.parametrize(
    "error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), AuthenticationError("no")], ids=repr
)
def test_whatever_a_provider_raises_is_its_own_problem(tracker, error: BaseException) -> None:
    found = taken(tracker, alpha=[MACHINE], beta=fails(error))
    assert keys(found) == ["alpha/i-1"]
    assert list(found.problems) == ["beta"]


@pytest.mark.parametrize(
    "garbage",
    [
        None,
        ["no resource"],
        [evolve(MACHINE, id="")],
        [evolve(MACHINE, id=None)],
        [evolve(MACHINE, name="half \ud800")],
        [evolve(MACHINE, state="running")],
        [evolve(MACHINE, tags={"key": 1})],
        [evolve(MACHINE, price=Decimal(1))],
        [evolve(MACHINE, price=Price(Decimal(1), as_of=datetime(2026, 1, 1)))],
        [evolve(MACHINE, created_at=datetime(2026, 1, 1))],
        [evolve(MACHINE, created_at=17)],
        [evolve(MACHINE, vcpus=2**64)],
        [evolve(MACHINE, memory_bytes=-1)],
        [evolve(MACHINE, gpu=["H100"])],
        [evolve(MACHINE, managed="yes")],
        [MACHINE, evolve(STRANGER, region=None)],
    ],
)
def test_a_provider_that_lists_garbage_is_named_and_nothing_of_it_is_written(tracker, garbage: Any) -> None:
    found = taken(tracker, alpha=[MACHINE], beta=garbage)
    assert keys(found) == ["alpha/i-1"], "one bad plugin hid another provider's machines"
    assert list(found.problems) == ["beta"]
    assert [t.resource.provider for t in tracker.resources()] == ["alpha"]


def test_a_provider_that_cannot_be_opened_is_named_with_what_the_books_have(tracker) -> None:
    taken(tracker, alpha=[MACHINE])

    def opened(_name: str) -> Any:
        raise PluginError("alpha is not installed any more")

    found = take_inventory(tracker, ["alpha"], opened, timeout_s=20, clock=lambda: NOON)
    assert keys(found) == ["alpha/i-1"], "what still bills was hidden with its provider's plugin"
    assert found.problems["alpha"].message == "alpha is not installed any more"


def test_a_provider_cannot_speak_for_another(tracker) -> None:
    taken(tracker, alpha=[MACHINE])
    found = taken(tracker, alpha=[MACHINE], beta=[evolve(MACHINE, id="i-2"), evolve(STRANGER, id="i-3")])
    assert sorted(keys(found)) == ["alpha/i-1", "beta/i-2", "beta/i-3"]


def test_the_last_known_is_shown_of_a_provider_that_does_not_answer(tracker) -> None:
    taken(tracker, alpha=[MACHINE])
    later = NOON + timedelta(hours=1)
    found = taken(tracker, clock=later, alpha=fails(AuthenticationError("the key is old")))
    assert keys(found) == ["alpha/i-1"]
    assert found.last_answer("alpha") == NOON


def test_a_resource_that_is_listed_twice_is_one(tracker) -> None:
    assert keys(taken(tracker, alpha=[MACHINE, MACHINE, STRANGER, STRANGER])) == ["alpha/i-1", "alpha/i-9"]


def later(tracker: ResourceTracker, provider: Lister) -> Inventory:
    """The inventory of a provider that listed a machine an hour ago."""
    taken(tracker, alpha=[MACHINE])
    at = NOON + timedelta(hours=1)
    return take_inventory(tracker, ["alpha"], lambda _: provider, timeout_s=20, clock=lambda: at)


def test_what_a_list_left_out_and_is_there_stays_in_the_books(tracker) -> None:
    assert keys(later(tracker, Forgetful(MACHINE))) == ["alpha/i-1"], "it went on costing, and nobody knew"


@pytest.mark.parametrize(
    "answer",
    [ResourceNotFound("gone"), evolve(MACHINE, state=ResourceState.TERMINATED)],
    ids=["not found", "terminated"],
)
def test_what_neither_the_list_nor_a_look_has_is_gone(tracker, answer: Any) -> None:
    assert keys(later(tracker, Forgetful(answer))) == []


def test_what_nobody_can_tell_of_stays_in_the_books_and_its_provider_is_named(tracker) -> None:
    found = later(tracker, Forgetful(AuthenticationError("no")))
    assert (keys(found), list(found.problems)) == (["alpha/i-1"], ["alpha"])


def test_of_many_that_are_missing_the_list_is_believed(tracker) -> None:
    taken(tracker, alpha=[evolve(MACHINE, id=f"i-{number}") for number in range(100)])
    at = NOON + timedelta(hours=1)
    asked = Forgetful(AuthenticationError("asked a hundred times"))
    found = take_inventory(tracker, ["alpha"], lambda _: asked, timeout_s=20, clock=lambda: at)
    assert (keys(found), dict(found.problems)) == ([], {})


def test_what_its_provider_lists_as_gone_is_not_there(tracker) -> None:
    gone = [evolve(r, state=ResourceState.TERMINATED) for r in (MACHINE, STRANGER)]
    taken(tracker, alpha=[MACHINE, STRANGER])
    assert keys(taken(tracker, clock=NOON + timedelta(hours=1), alpha=gone)) == []


def test_an_item_knows_the_run_that_it_was_made_for(tracker) -> None:
    tracker.add_run(RUN, {"on_finish": "keep"})
    (item,) = taken(tracker, alpha=[evolve(MACHINE, tags=TAGS)]).items
    assert item.run == RUN


def test_another_users_run_of_the_same_id_explains_nothing(tracker) -> None:
    tracker.add_run(RUN, {})
    (item,) = taken(tracker, alpha=[evolve(MACHINE, tags={**TAGS, TAG_OWNER: "you"})]).items
    assert item.run is None


def test_an_item_carries_the_users_marks_and_why_it_could_not_be_ended(tracker) -> None:
    tracker.marks.set("alpha", "i-9", Mark.IGNORED, why="the team's", by="me")
    taken(tracker, alpha=[MACHINE])
    tracker.flag_resource("alpha", "i-1", "it is refused")
    mine, stranger = taken(tracker, alpha=[MACHINE, STRANGER]).items
    assert (mine.problem, dict(mine.marks)) == ("it is refused", {})
    assert stranger.marks[Mark.IGNORED].why == "the team's"


def test_a_price_that_the_list_does_not_say_is_the_one_that_was_known(tracker) -> None:
    taken(tracker, alpha=[MACHINE])
    (item,) = taken(tracker, alpha=[evolve(MACHINE, price=UNKNOWN_PRICE)]).items
    assert item.hourly_usd == 2


def test_only_those_that_were_asked_are_listed(tracker) -> None:
    taken(tracker, alpha=[MACHINE])
    assert keys(taken(tracker, beta=[])) == []


def test_from_the_books_alone_nobody_is_asked_and_the_latest_problem_is_told(tracker) -> None:
    taken(tracker, alpha=[MACHINE, STRANGER], beta=fails(AuthenticationError("no", why="the key is old")))
    found = known_inventory(tracker, clock=lambda: NOON)
    assert keys(found) == ["alpha/i-1"]
    assert found.problems["beta"].message == "no: the key is old"


def test_books_that_cannot_be_written_are_not_taken_for_a_problem_of_the_provider(
    tracker, monkeypatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise StateError("the disk is full")

    monkeypatch.setattr(tracker, "record_listing", full)
    with pytest.raises(StateError, match="full"):
        taken(tracker, alpha=[MACHINE])
