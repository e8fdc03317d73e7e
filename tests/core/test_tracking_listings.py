"""A provider's whole list comes into the books: what is ours, what changed, what is gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from attrs import evolve

from runctl_core.models.marks import Mark
from runctl_core.models.money import UNKNOWN_PRICE, Price
from runctl_core.models.resources import Resource, ResourceState
from runctl_core.tracking import ResourceTracker

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MACHINE = Resource("i-1", "cloud", "one", ResourceState.RUNNING, managed=True, price=Price(Decimal(2)))


class Time:
    """A clock that the test sets."""

    now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def tracker(tmp_path: Path, time: Time) -> Iterator[ResourceTracker]:
    with ResourceTracker(str(tmp_path / "state.db"), clock=time) as made:
        yield made


def listed(tracker: ResourceTracker, *resources: Resource, minutes: int = 0, delay_s: float = 0.0) -> None:
    at = NOON + timedelta(minutes=minutes)
    tracker.record_listing("cloud", resources, asked_at=at, delay_s=delay_s)


def here(tracker: ResourceTracker) -> list[str]:
    return [tracked.resource.id for tracked in tracker.resources()]


def test_what_runctl_made_elsewhere_comes_into_the_books(tracker) -> None:
    listed(tracker, MACHINE)
    assert here(tracker) == ["i-1"]


def test_what_runctl_did_not_make_stays_out_of_the_books(tracker) -> None:
    listed(tracker, evolve(MACHINE, managed=False))
    assert here(tracker) == []


def test_an_adopted_resource_comes_into_the_books(tracker) -> None:
    tracker.marks.set("cloud", "i-1", Mark.ADOPTED, why="mine", by="tester")
    listed(tracker, evolve(MACHINE, managed=False))
    assert here(tracker) == ["i-1"]


def test_what_is_listed_no_longer_is_gone_and_stops_costing(tracker, time) -> None:
    listed(tracker, MACHINE)
    listed(tracker, minutes=30)
    time.now = NOON + timedelta(hours=9)
    assert here(tracker) == []
    assert tracker.costs(by="resource")["cloud/i-1"].usd == 1


def test_a_new_resource_that_is_not_listed_yet_stays(tracker) -> None:
    listed(tracker, MACHINE)
    listed(tracker, minutes=1, delay_s=90)
    assert here(tracker) == ["i-1"]


def test_a_list_older_than_the_resource_does_not_end_it(tracker, time) -> None:
    time.now = NOON + timedelta(minutes=1)
    tracker.record_resource(MACHINE)
    listed(tracker, minutes=0)
    assert here(tracker) == ["i-1"]


def test_a_list_older_than_the_end_does_not_revive_it(tracker, time) -> None:
    tracker.record_resource(MACHINE)
    time.now = NOON + timedelta(minutes=5)
    tracker.mark_gone("cloud", "i-1")
    listed(tracker, MACHINE, minutes=4)
    assert here(tracker) == []


def test_a_list_counts_although_the_clock_was_ahead_when_the_resource_was_seen(tracker, time) -> None:
    time.now = NOON + timedelta(days=1)
    tracker.record_resource(MACHINE)
    time.now = NOON + timedelta(hours=1)
    listed(tracker, minutes=60)
    assert here(tracker) == [], "what vanished would be shown until the wrong moment comes"


def test_another_providers_list_ends_nothing(tracker) -> None:
    listed(tracker, MACHINE)
    tracker.record_listing("other", [], asked_at=NOON + timedelta(hours=1), delay_s=0.0)
    assert here(tracker) == ["i-1"]


def test_a_known_price_stays_where_the_list_does_not_say_it(tracker) -> None:
    listed(tracker, MACHINE)
    listed(tracker, evolve(MACHINE, price=UNKNOWN_PRICE), minutes=30)
    assert tracker.costs(by="resource", until=NOON + timedelta(hours=1))["cloud/i-1"].usd == 2


def test_the_price_of_another_state_is_not_guessed(tracker) -> None:
    listed(tracker, MACHINE)
    listed(tracker, evolve(MACHINE, price=UNKNOWN_PRICE, state=ResourceState.STOPPED), minutes=30)
    total = tracker.costs(by="resource", until=NOON + timedelta(hours=1))["cloud/i-1"]
    assert (total.usd, total.unknown) == (1, 1)


def test_a_provider_that_does_not_answer_keeps_the_time_of_its_last_answer(tracker, time) -> None:
    listed(tracker, MACHINE)
    time.now = NOON + timedelta(hours=1)
    tracker.record_survey_problem("cloud", "it hangs")
    (survey,) = tracker.surveys()
    assert (survey.at, survey.problem) == (NOON, "it hangs")


def test_a_mark_holds_until_it_is_taken_back(tracker) -> None:
    tracker.marks.set("cloud", "i-1", Mark.PROTECTED, why="paper", by="tester")
    (marked,) = tracker.marks.all()
    assert (marked.why, marked.by, marked.at) == ("paper", "tester", NOON)
    assert tracker.marks.unset("cloud", "i-1", Mark.PROTECTED)
    assert not tracker.marks.all()
