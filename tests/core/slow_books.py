"""The books of somebody slow and careful: one entry for each resource and second. And what happens to
resources, as hypothesis thinks of it, played to these books and to ours at once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from attrs import define, field, frozen
from hypothesis import strategies as st

from runctl_core.models.intents import Intent
from runctl_core.models.money import Price, Total
from runctl_core.models.resources import TAG_PROJECT, TAG_RUN, TAG_TOKEN, Resource, ResourceState
from runctl_core.tracking import ResourceTracker

BEGIN = datetime(2026, 1, 31, 23, 56, 40, tzinfo=UTC)
"""Two hundred seconds before a day and a month end; second 0 of every test."""

RUNS = {"a": "run-1", "b": "run-1", "c": "run-2"}
PROJECTS = {"a": "odd", "b": "even", "c": "odd"}
KINDS = {"a": "machine", "b": "volume", "c": "snapshot"}


@frozen
class Paid:
    """What is paid while nothing changes; an unknown price is None."""

    state: ResourceState
    hourly: Decimal | None
    guessed: bool


@frozen
class Event:
    """Something that the books are told.

    Attributes:
        wait: Seconds on the clock since the event before; below zero when the clock is set back.
        name: The resource.
        shown: How its provider shows it; None when the provider does not have it any more.
        end_seen: Whether it was ended by us, a moment after it was seen, when it is gone.
    """

    wait: int
    name: str
    shown: Paid | None
    end_seen: bool = False


_PRICES = (None, Decimal(0), Decimal("0.000036"), Decimal("0.36"), Decimal("3.6"), Decimal(36))
_STATES = (ResourceState.STARTING, ResourceState.RUNNING, ResourceState.STOPPED, ResourceState.TERMINATED)
_PAID = st.builds(Paid, st.sampled_from(_STATES), st.sampled_from(_PRICES), st.booleans())


def events(least_wait: int) -> st.SearchStrategy[list[Event]]:
    """Anything that may happen, in any order."""
    event = st.builds(
        Event,
        st.integers(least_wait, 90),
        st.sampled_from("abc"),
        st.one_of(_PAID, _PAID, st.none()),
        st.booleans(),
    )
    return st.lists(event, max_size=25)


CREATED = st.fixed_dictionaries(
    {name: st.one_of(st.none(), st.tuples(st.integers(0, 60), st.integers(0, 60))) for name in "abc"}
)
"""For each resource the second of the intent to make it and that of its creation, when we made it."""

Created = dict[str, "tuple[int, int] | None"]


@define
class SlowBooks:
    """Who was paid for in which second, at which price, and whether that is a guess.

    Attributes:
        created: See `CREATED`.
        paid: The entries.
        open: Since when something is paid for that may go on.
        looked: When each resource was seen last.
    """

    created: Created
    paid: dict[tuple[str, int], tuple[Decimal | None, bool]] = field(factory=dict)
    open: dict[str, tuple[int, Paid]] = field(factory=dict)
    looked: dict[str, int] = field(factory=dict)

    def seen(self, name: str, second: int, shown: Paid) -> None:
        """The provider shows it."""
        since, before = self.open.get(name, (second, None))
        if before is not None and (since > second or before != shown):
            self._pay(name, since, second, before)
        if before is None or since > second or before != shown:
            self.open[name] = (self._beginning(name, second), shown)
        self.looked[name] = second

    def gone(self, name: str, second: int, *, end_seen: bool) -> None:
        """The provider does not have it any more."""
        if name in self.open:
            since, paid = self.open.pop(name)
            proven = max(since, self.looked[name])
            self._pay(name, since, proven, paid)
            guess = Paid(paid.state, paid.hourly, paid.guessed or not end_seen)
            self._pay(name, proven, second, guess)

    def go_on(self, second: int) -> None:
        """Nothing happens until then."""
        for name, (since, paid) in list(self.open.items()):
            self._pay(name, since, second, paid)
            self.open[name] = (max(since, second), paid)

    def total(self, names: str, low: int, high: int) -> Total:
        """The sum over a window."""
        entries = {k: p for k, p in self.paid.items() if k[0] in names and low <= k[1] < high}
        known = [(hourly / 3600, guessed) for hourly, guessed in entries.values() if hourly is not None]
        unknown = {name for (name, _), (hourly, _) in entries.items() if hourly is None}
        guesses = sum((usd for usd, guessed in known if guessed), Decimal(0))
        return Total(sum((usd for usd, _ in known), Decimal(0)), len(unknown), guesses)

    def _beginning(self, name: str, second: int) -> int:
        mine = [when for who, when in self.paid if who == name]
        if mine:
            return max(second, max(mine) + 1)
        asked, created = self.created[name] or (second, second)
        return min(max(asked, created), second)

    def _pay(self, name: str, since: int, until: int, paid: Paid) -> None:
        for second in range(since, until):
            assert (name, second) not in self.paid, "the slow books themselves pay twice"
            self.paid[name, second] = (paid.hourly, paid.guessed)


def moment(second: int) -> datetime:
    """The clock at a second."""
    return BEGIN + timedelta(seconds=second)


def resource(name: str, shown: Paid, created: Created) -> Resource:
    """A resource as its provider shows it."""
    tags = {TAG_RUN: RUNS[name], TAG_PROJECT: PROJECTS[name], TAG_TOKEN: f"token-{name}"}
    made = created[name]
    return Resource(
        name,
        "cloud",
        name,
        shown.state,
        kind=KINDS[name],
        tags=tags,
        price=Price(shown.hourly, "test", estimated=shown.guessed),
        created_at=made and moment(made[1]),
    )


@contextmanager
def played(happened: list[Event], created: Created) -> Iterator[tuple[ResourceTracker, SlowBooks, int]]:
    """Our books, the slow ones, and the second in which both are, a while after the last event."""
    clock, second, latest = [BEGIN], 0, 0
    slow = SlowBooks(created)
    with (
        tempfile.TemporaryDirectory() as folder,
        ResourceTracker(f"{folder}/s.db", clock=lambda: clock[0]) as ours,
    ):
        for name in filter(created.get, "abc"):
            asked = moment(created[name][0])  # type: ignore[index]
            ours.open_intent(Intent(f"token-{name}", RUNS[name], "cloud", 1, asked))
        for event in happened:
            second = max(0, second + event.wait)
            latest = max(latest, second)
            clock[0] = moment(second)
            _tell(ours, slow, second, event)
        clock[0] = moment(latest + 100)
        slow.go_on(latest + 100)
        yield ours, slow, latest + 100


def _tell(ours: ResourceTracker, slow: SlowBooks, second: int, event: Event) -> None:
    if event.shown is None:
        ours.mark_gone("cloud", event.name, end_seen=event.end_seen)
        slow.gone(event.name, second, end_seen=event.end_seen)
        return
    ours.record_resource(resource(event.name, event.shown, slow.created))
    if event.shown.state.gone:
        slow.gone(event.name, second, end_seen=False)
    else:
        slow.seen(event.name, second, event.shown)
