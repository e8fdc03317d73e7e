"""Taking the inventory: every provider is asked at once, what it lists comes into the books, and both
are joined. A provider that hangs, fails or lists what it must not is named; the others are whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from runctl_core.calls import ask_all, call
from runctl_core.clock import Clock, now
from runctl_core.errors import ProviderUnavailable, ResourceNotFound, RunctlError, StateError
from runctl_core.inventory.items import Inventory, Item
from runctl_core.models.marks import Mark, Marked
from runctl_core.models.resources import Resource
from runctl_core.models.runs import Run
from runctl_core.provider import TrainingProvider
from runctl_core.shown import look_at, sound
from runctl_core.tracking import ResourceTracker
from runctl_core.tracking.resources import TrackedResource

_ASKED_FOR = 20
"""So many resources that are missing from a list are asked for one by one; of more, the list is believed."""


@frozen
class _Listing:
    """What a provider answered, when it was asked, and how long it may not show what is new."""

    listed: dict[str, Resource]
    asked_at: datetime
    delay_s: float


def take_inventory(
    tracker: ResourceTracker,
    names: Sequence[str],
    open_provider: Callable[[str], TrainingProvider],
    *,
    timeout_s: float,
    clock: Clock = now,
    answered: Callable[[str], object] | None = None,
) -> Inventory:
    """Ask every provider at once for its whole list, write each into the books, and join both.

    Args:
        tracker: The books.
        names: The providers to ask; the items are theirs.
        open_provider: Makes a provider by its name.
        timeout_s: Seconds that each has, the loading of its plugin included.
        clock: The time.
        answered: Is told each provider that has answered, or will not, in a thread of its own.

    Raises:
        StateError: The books cannot be read or written.
    """
    damage: list[StateError] = []

    def ask(name: str) -> _Listing:
        try:
            here = [tracked.resource.id for tracked in tracker.resources(provider=name)]
            listing = call(
                f"{name}: list", lambda: _ask(name, open_provider, clock, here), timeout_s=timeout_s
            )
        except RunctlError as error:
            why = error.summary
            _write(damage, lambda: tracker.record_survey_problem(name, why), tracker)
            raise
        finally:
            if answered:
                answered(name)
        _write(damage, lambda: _record(tracker, name, listing), tracker)
        return listing

    answers, problems = ask_all(names, ask)
    if damage:
        raise damage[0]
    known = [tracked for tracked in tracker.resources() if tracked.resource.provider in names]
    return _joined(tracker, known, answers, problems, clock())


def known_inventory(tracker: ResourceTracker, *, clock: Clock = now) -> Inventory:
    """The same from the books alone; nobody is asked.

    Its problems are those of the latest questions that had no answer.
    """
    problems = {s.provider: ProviderUnavailable(s.problem) for s in tracker.surveys() if s.problem}
    return _joined(tracker, tracker.resources(), {}, problems, clock())


def _ask(
    name: str, open_provider: Callable[[str], TrainingProvider], clock: Clock, here: Sequence[str]
) -> _Listing:
    provider = open_provider(name)
    delay_s = float(provider.listing_delay_s)
    asked_at = clock()
    listed: dict[str, Resource] = {}
    for resource in provider.list_resources():
        shown = sound(resource, name)
        if not (shown.state.gone and shown.id in listed):  # of two with one id, one may still cost money
            listed[shown.id] = shown
    left_out = [resource_id for resource_id in here if resource_id not in listed]
    if len(left_out) <= _ASKED_FOR:
        listed |= _still_there(provider, name, left_out)
    return _Listing(listed, asked_at, delay_s)


def _still_there(provider: TrainingProvider, name: str, left_out: Sequence[str]) -> dict[str, Resource]:
    """What a list left out and its provider still has: it costs money, and leaves no books.

    Raises:
        RunctlError: Nobody can tell; the whole list is not believed then.
    """
    answers, problems = ask_all(left_out, lambda resource_id: look_at(provider, name, resource_id))
    for error in problems.values():
        if not isinstance(error, ResourceNotFound):
            raise error
    return answers


def _record(tracker: ResourceTracker, name: str, listing: _Listing) -> None:
    tracker.record_listing(name, listing.listed.values(), asked_at=listing.asked_at, delay_s=listing.delay_s)


def _write(damage: list[StateError], write: Callable[[], None], tracker: ResourceTracker) -> None:
    """Write in this thread. What the books refuse is no fault of the provider's."""
    try:
        write()
    except StateError as error:
        damage.append(error)
    finally:
        tracker.close()


def _joined(
    tracker: ResourceTracker,
    known: Sequence[TrackedResource],
    answers: Mapping[str, _Listing],
    problems: Mapping[str, RunctlError],
    taken_at: datetime,
) -> Inventory:
    """The books' resources, and after them what was listed and is not in the books."""
    booked = {(t.resource.provider, t.resource.id) for t in known}
    strangers = [
        (resource, listing.asked_at)
        for name, listing in answers.items()
        for resource in listing.listed.values()
        if not resource.state.gone and not resource.managed and (name, resource.id) not in booked
    ]
    runs = _runs(tracker, [*(t.resource for t in known), *(resource for resource, _ in strangers)])
    marks = _marks(tracker.marks.all())

    def item(resource: Resource, last_seen: datetime, **seen: Any) -> Item:
        marked = marks.get((resource.provider, resource.id), {})
        return Item(resource, last_seen=last_seen, run=_run(runs, resource), marks=marked, **seen)

    items = [item(t.resource, t.last_seen, first_seen=t.first_seen, problem=t.problem) for t in known]
    items += [item(resource, asked_at) for resource, asked_at in strangers]
    return Inventory(tuple(items), problems=problems, taken_at=taken_at)


def _runs(tracker: ResourceTracker, resources: Iterable[Resource]) -> dict[str, Run]:
    ids = {resource.run_id for resource in resources if resource.run_id is not None}
    return {run.id: run for run in tracker.runs(ids=ids)} if ids else {}


def _run(runs: Mapping[str, Run], resource: Resource) -> Run | None:
    run = runs.get(resource.run_id or "")
    return run if run is not None and run.owns(resource) else None


def _marks(all_marks: Iterable[Marked]) -> dict[tuple[str, str], dict[Mark, Marked]]:
    found: dict[tuple[str, str], dict[Mark, Marked]] = {}
    for marked in all_marks:
        found.setdefault((marked.provider, marked.resource_id), {})[marked.mark] = marked
    return found
