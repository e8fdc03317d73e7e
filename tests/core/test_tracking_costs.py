"""What the ledger promises, one case each; `test_tracking_ledger.py` holds it against slow books."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from attrs import evolve

from runctl_core.models.burn import Burn
from runctl_core.models.intents import Intent
from runctl_core.models.money import Price, Total
from runctl_core.models.resources import TAG_RUN, TAG_TOKEN, Resource, ResourceState
from runctl_core.tracking import ResourceTracker
from runctl_core.tracking.store import _MIGRATIONS

BEGIN = datetime(2026, 1, 31, 22, tzinfo=UTC)
DOLLAR = Price(Decimal(1), source="test")
CENT = Price(Decimal("0.01"), source="test")
RUNNING, STOPPED = ResourceState.RUNNING, ResourceState.STOPPED
MACHINE = Resource("a", "cloud", "a", RUNNING, tags={TAG_RUN: "run-1", TAG_TOKEN: "token"}, price=DOLLAR)


class Books(ResourceTracker):
    """Books with a clock in hours since `BEGIN`."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), clock=lambda: BEGIN + timedelta(hours=self.hour))
        self.hour: float = 0

    def see(self, hour: float, resource: Resource = MACHINE) -> None:
        """A resource is shown at an hour."""
        self.hour = hour
        self.record_resource(resource)

    def lose(self, hour: float, *, end_seen: bool = True) -> None:
        """The machine is gone at an hour."""
        self.hour = hour
        self.mark_gone("cloud", "a", end_seen=end_seen)


@pytest.fixture
def books(tmp_path: Path) -> Books:
    """Empty books."""
    return Books(tmp_path / "s.db")


def test_stop_restart_and_a_price_change_add_up(books: Books) -> None:
    books.see(0)
    books.see(2, evolve(MACHINE, state=STOPPED, price=CENT))
    books.see(12, MACHINE)
    books.see(13, evolve(MACHINE, price=Price(Decimal(2))))
    books.lose(15)
    assert books.cost_of_run("run-1") == Total(Decimal(2) + Decimal("0.1") + 1 + 4)


def test_volumes_and_snapshots_and_every_attempt_of_a_run_add_up(books: Books) -> None:
    books.see(0)
    books.see(0, evolve(MACHINE, id="v", kind="volume", price=CENT))
    books.lose(1)
    books.see(5, evolve(MACHINE, id="second-attempt"))
    books.see(5, evolve(MACHINE, id="s", kind="snapshot", price=CENT))
    books.hour = 10
    assert books.cost_of_run("run-1") == Total(1 + Decimal("0.1") + 5 + Decimal("0.05"))


def test_an_unknown_price_is_never_zero(books: Books) -> None:
    books.see(0, evolve(MACHINE, price=Price(None)))
    books.see(0, evolve(MACHINE, id="b"))
    books.hour = 2
    assert books.total_cost() == Total(Decimal(2), unknown=1)
    assert books.burn() == {"cloud": Burn(Decimal(1), unknown=1, resources=2)}


def test_a_resource_of_unknown_price_is_one_unknown_over_all_its_days(books: Books) -> None:
    books.see(0, evolve(MACHINE, price=Price(None)))
    books.hour = 24 * 40
    assert books.total_cost().unknown == 1
    assert {total.unknown for total in books.costs(by="day").values()} == {1}
    assert list(books.costs(by="month")) == ["2026-01", "2026-02", "2026-03"]


def test_what_ended_at_midnight_is_not_of_the_next_day(books: Books) -> None:
    books.see(0)
    books.lose(2)
    books.hour = 30
    assert books.costs(by="day") == {"2026-01-31": Total(Decimal(2))}
    assert books.costs(by="month") == {"2026-01": Total(Decimal(2))}


def test_what_is_gone_costs_nothing_more(books: Books) -> None:
    books.see(0)
    books.lose(1)
    books.lose(6)
    books.see(7, evolve(MACHINE, state=ResourceState.TERMINATED))
    assert books.cost_of_run("run-1") == Total(Decimal(1))
    assert books.resource("cloud", "a").gone_at == BEGIN + timedelta(hours=1)


def test_what_vanished_while_nobody_looked_counts_until_it_was_missed_as_an_estimate(books: Books) -> None:
    books.see(0)
    books.see(3)
    books.lose(10, end_seen=False)
    assert books.cost_of_run("run-1") == Total(Decimal(10), estimated_usd=Decimal(7))


def test_what_is_shown_as_terminated_ended_at_a_moment_that_nobody_saw(books: Books) -> None:
    books.see(0)
    books.see(4, evolve(MACHINE, state=ResourceState.TERMINATED))
    assert books.cost_of_run("run-1") == Total(Decimal(4), estimated_usd=Decimal(4))


def test_what_comes_back_after_it_was_missed_costs_from_there(books: Books) -> None:
    books.see(0)
    books.lose(1)
    books.see(5)
    books.hour = 6
    assert books.cost_of_run("run-1") == Total(Decimal(2))
    assert books.resource("cloud", "a").gone_at is None


def test_a_list_price_makes_an_estimate(books: Books) -> None:
    books.see(0, evolve(MACHINE, price=evolve(DOLLAR, estimated=True)))
    books.see(1)
    books.hour = 3
    assert books.total_cost() == Total(Decimal(3), estimated_usd=Decimal(1))
    assert books.resource("cloud", "a").resource.price == DOLLAR


def _intend(books: Books, hour: float) -> None:
    books.open_intent(Intent("token", "run-1", "cloud", 1, BEGIN + timedelta(hours=hour)))


@pytest.mark.parametrize(
    ("asked", "created", "hours"),
    [(1, 2, 8), (3, 2, 7), (1, 11, 0), (None, 2, 0)],
    ids=["between", "before we asked", "after it was seen", "of somebody else"],
)
def test_costs_begin_when_the_provider_made_it_where_our_intent_vouches_for_that(
    books: Books, asked: int | None, created: int, hours: int
) -> None:
    if asked is not None:
        _intend(books, asked)
    books.see(10, evolve(MACHINE, created_at=BEGIN + timedelta(hours=created)))
    assert books.total_cost().usd == hours


def test_a_clock_set_back_behind_the_first_look_loses_nothing_of_what_follows(books: Books) -> None:
    books.see(1000)
    books.see(1)
    books.lose(3)
    assert books.total_cost() == Total(Decimal(2)), "two hours passed by the clock that is right"


def test_a_clock_set_back_pays_no_hour_twice(books: Books) -> None:
    books.see(0)
    books.see(10, evolve(MACHINE, state=STOPPED, price=CENT))
    books.see(5)
    books.lose(12)
    assert books.total_cost() == Total(Decimal(12)), "ten hours, and two after them"


def test_what_was_seen_was_there_although_the_clock_is_set_back_when_it_goes(books: Books) -> None:
    books.see(0)
    books.see(10)
    books.lose(4)
    books.hour = 20
    assert books.total_cost().usd == 10


def test_money_is_exact(books: Books) -> None:
    for number in range(30):
        books.see(0, evolve(MACHINE, id=str(number), price=Price(Decimal("0.1"))))
    books.hour = 1 / 3_600_000_000
    assert books.total_cost().usd * 3_600_000_000 == 3, "thirty tenths for a microsecond"


def test_a_failed_termination_stays_visible_until_it_is_settled(books: Books) -> None:
    books.see(0)
    books.flag_resource("cloud", "a", "the provider refused")
    assert books.resources()[0].problem == "the provider refused"
    books.lose(1)
    assert books.resources() == []
    assert books.resources(gone=True)[0].problem == ""


def test_books_of_the_first_version_keep_their_sums(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    db = sqlite3.connect(path)
    db.executescript(_MIGRATIONS[0])
    micros = int(BEGIN.timestamp()) * 1_000_000
    db.execute(
        "INSERT INTO resources VALUES (1, 'cloud', 'a', 'a', 'running', 'machine', 1, '{}', 'run-1', NULL, "
        "NULL, '1', 'test', NULL, NULL, '', NULL, 0, '', '', 0, '', ?, ?, NULL, '')",
        (micros, micros),
    )
    db.execute("INSERT INTO intervals VALUES (1, ?, NULL, 'running', '1')", (micros,))
    db.execute("PRAGMA user_version=1")
    db.commit()
    db.close()
    with Books(path) as books:
        books.hour = 3
        assert books.cost_of_run("run-1") == Total(Decimal(3))
        books.see(3, evolve(MACHINE, tags={}))
        assert books.total_cost() == Total(Decimal(3)), "the same state and price go on"
