"""The ledger: the same total as adding up every second, whatever happened and in whatever order."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core.slow_books import CREATED, RUNS, Created, Event, events, moment, played
from runctl_core.models.burn import Burn
from runctl_core.models.money import Total

ANY_CLOCK, GOOD_CLOCK = events(-120), events(0)


@given(ANY_CLOCK, CREATED)
def test_the_ledger_equals_a_sum_over_every_second(happened: list[Event], created: Created) -> None:
    with played(happened, created) as (ours, slow, latest):
        assert ours.total_cost() == slow.total("abc", -1, latest)
        assert ours.cost_of_run("run-1") == slow.total("ab", -1, latest)
        projects = ours.costs(by="project")
        assert projects.get("odd", Total()) == slow.total("ac", -1, latest)
        for name in "abc":
            row = ours.costs(by="resource").get(f"cloud/{name}", Total())
            assert row == slow.total(name, -1, latest), f"the cost of {name} alone"


@given(ANY_CLOCK, CREATED, st.integers(0, 600), st.integers(0, 600))
def test_a_window_counts_what_is_in_it(
    happened: list[Event], created: Created, first: int, second: int
) -> None:
    low, high = sorted((first, second))
    with played(happened, created) as (ours, slow, latest):
        slow.go_on(max(latest, high))
        window = ours.total_cost(since=moment(low), until=moment(high))
        assert window == slow.total("abc", low, high)


@given(ANY_CLOCK, CREATED)
def test_days_and_months_equal_the_sum_over_their_seconds(happened: list[Event], created: Created) -> None:
    with played(happened, created) as (ours, slow, latest):
        before, after = slow.total("abc", -1, 200), slow.total("abc", 200, latest)
        for by, names in (("day", ("2026-01-31", "2026-02-01")), ("month", ("2026-01", "2026-02"))):
            found = ours.costs(by=by)
            assert set(found) <= set(names)
            assert found.get(names[0], Total()) == before
            assert found.get(names[1], Total()) == after


@given(GOOD_CLOCK, st.data())
def test_with_a_good_clock_each_second_costs_what_was_said_last(
    happened: list[Event], data: st.DataObject
) -> None:
    """No books at all on the other side: for one second of one resource, what was told before it."""
    nobody_made_it: Created = dict.fromkeys("abc")
    with played(happened, nobody_made_it) as (ours, _, latest):
        name = data.draw(st.sampled_from("abc"))
        second = data.draw(st.integers(0, latest))
        told, at = None, 0
        for event in happened:
            at += event.wait
            if event.name == name and at <= second:
                told = event.shown
        hourly = Decimal(0) if told is None or told.state.gone else told.hourly
        window = ours.costs(by="resource", since=moment(second), until=moment(second + 1))
        found = window.get(f"cloud/{name}", Total())
        assert (found.usd, found.unknown) == ((hourly or 0) / Decimal(3600), int(hourly is None))


@given(ANY_CLOCK, CREATED, st.integers(1, 500))
def test_after_any_clock_what_is_there_goes_on_costing_each_second_once(
    happened: list[Event], created: Created, seconds: int
) -> None:
    """Nothing negative, nothing twice, nothing lost later: the window holds each second one time."""
    with played(happened, created) as (ours, _, latest):
        since, until = moment(latest), moment(latest + seconds)
        assert all(total.usd >= 0 for total in ours.costs(by="resource").values())
        spent, burn = ours.total_cost(since=since, until=until), ours.burn().get("cloud", Burn())
        assert spent.usd == burn.hourly_usd * seconds / 3600
        assert spent.estimated_usd == burn.estimated_hourly_usd * seconds / 3600
        assert spent.unknown == burn.unknown


@given(ANY_CLOCK, CREATED)
def test_what_is_paid_now_is_what_is_not_gone(happened: list[Event], created: Created) -> None:
    with played(happened, created) as (ours, slow, _):
        found = ours.burn(by="run")
        for run in set(RUNS.values()):
            mine = [paid for name, (_, paid) in slow.open.items() if RUNS[name] == run]
            known = [paid.hourly for paid in mine if paid.hourly is not None]
            burn = found.get(run, Burn())
            assert burn.resources == len(mine)
            assert burn.hourly_usd == sum(known)
            assert burn.unknown == len(mine) - len(known)


@given(ANY_CLOCK, CREATED, st.integers(1, 40))
def test_a_window_of_many_days_equals_its_days(happened: list[Event], created: Created, days: int) -> None:
    with played(happened, created) as (ours, _, latest):
        until = moment(latest) + timedelta(days=days)
        whole = ours.total_cost(until=until)
        for by in ("day", "month"):
            parts = ours.costs(by=by, until=until)
            assert sum((part.usd for part in parts.values()), Decimal(0)) == whole.usd
            assert sum((part.estimated_usd for part in parts.values()), Decimal(0)) == whole.estimated_usd
            assert list(parts) == sorted(parts)
