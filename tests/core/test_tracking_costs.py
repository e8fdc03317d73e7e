"""The ledger: the same total as adding up every second, whatever happened and in whatever order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from runctl_core.models.money import Price, Total
from runctl_core.models.resources import TAG_PROJECT, TAG_RUN, Resource, ResourceState
from runctl_core.tracking import ResourceTracker

BEGIN = datetime(2026, 1, 31, 23, 59, 30, tzinfo=UTC)
PRICES = (None, Decimal(0), Decimal("0.36"), Decimal("3.6"), Decimal(36))

# Seconds until the event (a clock may step back), the resource, its state, its price.
EVENTS = st.lists(
    st.tuples(
        st.integers(-20, 90),
        st.sampled_from("abc"),
        st.sampled_from([ResourceState.RUNNING, ResourceState.STOPPED, ResourceState.TERMINATED]),
        st.sampled_from(PRICES),
    ),
    max_size=25,
)


def _resource(name: str, state: ResourceState, hourly: Decimal | None) -> Resource:
    tags = {TAG_RUN: f"run-{name}", TAG_PROJECT: "even" if name == "b" else "odd"}
    return Resource(name, "cloud", name, state, tags=tags, price=Price(hourly))


class _ByTheSecond:
    """The books of somebody slow: one entry for each resource and second."""

    def __init__(self) -> None:
        self.paid: dict[tuple[str, int], Decimal | None] = {}
        self.open: dict[str, tuple[int, Decimal | None]] = {}
        self.closed: dict[str, int] = {}

    def event(self, name: str, second: int, state: ResourceState, hourly: Decimal | None) -> None:
        self.settle(name, second)
        self.open.pop(name, None)
        if not state.gone:
            self.open[name] = (max(second, self.closed.get(name, second)), hourly)

    def settle(self, name: str, second: int) -> None:
        if name in self.open:
            since, hourly = self.open[name]
            for moment in range(since, second):
                self.paid[name, moment] = hourly
            self.closed[name] = max(since, second, self.closed.get(name, 0))

    def total(self, names: str, low: int, high: int) -> Total:
        rows = {key: h for key, h in self.paid.items() if key[0] in names and low <= key[1] < high}
        usd = sum((hourly / 3600 for hourly in rows.values() if hourly is not None), Decimal(0))
        return Total(usd, len({name for (name, _), hourly in rows.items() if hourly is None}))


@contextmanager
def _played(
    events: list[tuple[int, str, ResourceState, Decimal | None]],
) -> Iterator[tuple[ResourceTracker, _ByTheSecond, int]]:
    moment = [BEGIN]
    folder = tempfile.TemporaryDirectory()
    tracker = ResourceTracker(f"{folder.name}/s.db", clock=lambda: moment[0])
    slow, second, latest, state = _ByTheSecond(), 0, 0, {}
    for wait, name, new, hourly in events:
        second = max(0, second + wait)
        latest = max(latest, second)
        moment[0] = BEGIN + timedelta(seconds=second)
        tracker.record_resource(_resource(name, new, hourly))
        if state.get(name) != (new, hourly) or new.gone:
            slow.event(name, second, new, hourly)
        state[name] = (new, hourly)
    latest += 100
    for name in "abc":
        slow.settle(name, latest)
    moment[0] = BEGIN + timedelta(seconds=latest)
    with folder, tracker:
        yield tracker, slow, latest


def _same(ours: Total, theirs: Total) -> bool:
    return abs(ours.usd - theirs.usd) < Decimal("1e-12") and ours.unknown == theirs.unknown


@given(EVENTS)
def test_the_ledger_equals_a_sum_over_every_second(events: list) -> None:
    with _played(events) as (tracker, slow, latest):
        whole = sum(tracker.costs(by="provider").values(), Total())
        assert _same(whole, slow.total("abc", 0, latest))
        for name in "abc":
            assert _same(tracker.cost_of_run(f"run-{name}"), slow.total(name, 0, latest))
        projects = tracker.costs(by="project")
        assert _same(projects.get("odd", Total()), slow.total("ac", 0, latest))


@given(EVENTS, st.integers(0, 600), st.integers(0, 600))
def test_a_window_counts_what_is_in_it(events: list, first: int, second: int) -> None:
    with _played(events) as (tracker, slow, latest):
        low, high = sorted((first, second))
        window = {"since": BEGIN + timedelta(seconds=low), "until": BEGIN + timedelta(seconds=high)}
        whole = sum(tracker.costs(by="run", **window).values(), Total())
        open_beyond = max(0, high - latest)
        for name in slow.open:
            slow.settle(name, latest + open_beyond)
        assert _same(whole, slow.total("abc", low, high))


@given(EVENTS)
def test_days_and_months_add_up_to_the_whole(events: list) -> None:
    with _played(events) as (tracker, _, _):
        whole = sum(tracker.costs(by="provider").values(), Total()).usd
        for by in ("day", "month"):
            parts = tracker.costs(by=by)
            assert abs(sum((part.usd for part in parts.values()), Decimal(0)) - whole) < Decimal("1e-12")
            assert all(len(key) == (10 if by == "day" else 7) for key in parts)


def test_an_unknown_price_is_never_zero(tmp_path: Path) -> None:
    moment = [BEGIN]
    tracker = ResourceTracker(str(tmp_path / "s.db"), clock=lambda: moment[0])
    tracker.record_resource(_resource("a", ResourceState.RUNNING, None))
    tracker.record_resource(_resource("b", ResourceState.RUNNING, Decimal(1)))
    moment[0] += timedelta(hours=2)
    (total,) = tracker.costs(by="provider").values()
    assert total == Total(Decimal(2), unknown=1)


def test_what_is_gone_costs_nothing_more(tmp_path: Path) -> None:
    moment = [BEGIN]
    tracker = ResourceTracker(str(tmp_path / "s.db"), clock=lambda: moment[0])
    tracker.record_resource(_resource("a", ResourceState.RUNNING, Decimal(1)))
    moment[0] += timedelta(hours=1)
    tracker.mark_gone("cloud", "a")
    moment[0] += timedelta(hours=5)
    assert tracker.cost_of_run("run-a") == Total(Decimal(1))
    tracker.mark_gone("cloud", "a")
    assert tracker.resource("cloud", "a").gone_at == BEGIN + timedelta(hours=1)


def test_a_failed_termination_stays_visible_until_it_is_settled(tmp_path: Path) -> None:
    tracker = ResourceTracker(str(tmp_path / "s.db"))
    tracker.record_resource(_resource("a", ResourceState.RUNNING, Decimal(1)))
    tracker.flag_resource("cloud", "a", "the provider refused")
    assert tracker.resources()[0].problem == "the provider refused"
    tracker.mark_gone("cloud", "a")
    assert tracker.resources() == []
    assert tracker.resources(gone=True)[0].problem == ""
