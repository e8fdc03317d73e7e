"""The audit log: who ended what, when, why it was allowed, and what the provider answered."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.fake_cloud import Cloud, CloudProvider
from runctl_core.cleanup.release import release
from runctl_core.errors import InvalidRequest, Refused, StateError
from runctl_core.models.marks import Mark
from runctl_core.models.money import UNKNOWN_PRICE
from runctl_core.models.resources import LaunchSpec, Offer
from runctl_core.tracking import ResourceTracker
from runctl_core.tracking.audit import Act, Actor, Answer

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ANN = Actor("ann", "ann@laptop", "resources cleanup")


@pytest.fixture
def cloud() -> Cloud:
    return Cloud(now=NOON)


@pytest.fixture
def tracker(tmp_path: Path, cloud: Cloud) -> Iterator[ResourceTracker]:
    with ResourceTracker(str(tmp_path / "state.db"), clock=cloud.clock, actor=lambda: ANN) as made:
        yield made


@pytest.fixture
def machine(cloud: Cloud, tracker: ResourceTracker) -> str:
    """A machine that the books know."""
    tags = {"runctl:run": "calm-crab-11"}
    offer = Offer("cloud", "small", UNKNOWN_PRICE)
    made = CloudProvider(cloud).create_resource(LaunchSpec("t", "crab", offer, tags))
    tracker.record_resource(made)
    return made.id


def let_go(tracker: ResourceTracker, cloud: Cloud, machine: str) -> str:
    return release(tracker, CloudProvider(cloud), "cloud", machine, why=["its run is over"], patience_s=0)


def test_a_deletion_is_two_rows(tracker, cloud, machine) -> None:
    cloud.ending_s = 7.0
    assert let_go(tracker, cloud, machine) == ""
    before, after = tracker.audit.rows()
    assert (before.act, before.provider, before.resource_id) == (Act.TERMINATE, "cloud", machine)
    assert (before.name, before.run_id, before.actor) == ("crab", "calm-crab-11", ANN)
    assert (before.at, before.why, before.answer) == (NOON, ("its run is over",), None)
    assert (after.act_id, after.at, after.answer) == (before.id, NOON + timedelta(seconds=7), Answer.GONE)
    assert (after.resource_id, after.actor, after.why) == (before.resource_id, before.actor, before.why)


def test_what_the_provider_refused_is_written_in_its_words(tracker, cloud, machine) -> None:
    cloud.refusal = InvalidRequest("the cloud forbids it", why="a lock")
    assert let_go(tracker, cloud, machine)
    after = tracker.audit.rows()[-1]
    assert (after.answer, after.detail) == (Answer.ERROR, "the cloud forbids it: a lock")


def test_what_was_accepted_and_is_still_there_is_written_so(tracker, cloud, machine, monkeypatch) -> None:
    monkeypatch.setattr(CloudProvider, "terminate_resource", lambda *_: None)
    assert "not carried it out" in let_go(tracker, cloud, machine)
    assert tracker.audit.rows()[-1].answer is Answer.ACCEPTED
    (tracked,) = tracker.resources()
    assert "not carried it out" in tracked.problem, "what bills on is not shown"


def test_the_first_row_is_on_the_disk_before_the_provider_is_asked(
    tracker, cloud, machine, monkeypatch, tmp_path
) -> None:
    seen = []

    def look(*_: object) -> None:
        with closing(sqlite3.connect(tmp_path / "state.db")) as db:
            seen.extend(db.execute("SELECT resource_id, answer FROM audit"))

    monkeypatch.setattr(CloudProvider, "terminate_resource", look)
    let_go(tracker, cloud, machine)
    assert seen == [(machine, None)]


def test_nothing_is_deleted_that_cannot_be_announced(tracker, cloud, machine, tmp_path) -> None:
    with closing(sqlite3.connect(tmp_path / "state.db")) as db:
        db.execute("DROP TABLE audit")
    with pytest.raises(StateError):
        let_go(tracker, cloud, machine)
    assert cloud.alive(), "a machine was ended without a trace in the log"


def test_what_the_user_protected_a_moment_ago_is_not_asked_for(tracker, cloud, machine) -> None:
    tracker.marks.set("cloud", machine, Mark.PROTECTED, why="a demo", by="ann")
    assert let_go(tracker, cloud, machine) == f"cloud/{machine} is protected: a demo"
    assert cloud.alive()
    assert tracker.audit.rows() == []
    with pytest.raises(Refused):
        tracker.audit.announce(Act.STOP, "cloud", machine, [])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET owner = 'bob'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE id = 1",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit",
    ],
)
def test_no_row_is_ever_changed_or_taken_away(tracker, cloud, machine, tmp_path, statement: str) -> None:
    let_go(tracker, cloud, machine)
    rows = tracker.audit.rows()
    with closing(sqlite3.connect(tmp_path / "state.db")) as db, pytest.raises(sqlite3.DatabaseError):
        db.execute(statement)
        db.commit()
    assert tracker.audit.rows() == rows


def test_rows_are_found_by_age_id_and_name(tracker, cloud, machine) -> None:
    let_go(tracker, cloud, machine)
    cloud.wait(60)
    tracker.audit.announce(Act.TERMINATE, "other", "i-9", ["no run needs it"])
    audit = tracker.audit
    assert [row.resource_id for row in audit.rows(since=NOON + timedelta(seconds=30))] == ["i-9"]
    both = [row for row in audit.rows() if row.resource_id == machine]
    for ref in ("crab", machine, f"cloud/{machine}"):
        assert audit.rows(resource=ref) == both


def test_books_from_before_the_log_get_one(tmp_path: Path, tracker, machine) -> None:
    with closing(sqlite3.connect(tmp_path / "state.db")) as db:
        db.execute("DROP TABLE audit")
        db.execute("PRAGMA user_version = 3")
    with ResourceTracker(str(tmp_path / "state.db")) as again:
        assert again.audit.announce(Act.TERMINATE, "cloud", machine, []) == 1
