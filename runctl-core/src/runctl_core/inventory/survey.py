"""Taking the inventory: every provider at once, its whole list into the books, and joined with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from attrs import evolve

from runctl_core.calls import ask_all, call
from runctl_core.clock import Clock, now
from runctl_core.inventory.items import Inventory, Item
from runctl_core.models.resources import Resource
from runctl_core.models.runs import Run
from runctl_core.provider import TrainingProvider
from runctl_core.tracking import Mark, Marked, ResourceTracker, TrackedResource


def take_inventory(
    tracker: ResourceTracker,
    names: Sequence[str],
    open_provider: Callable[[str], TrainingProvider],
    *,
    timeout_s: float,
    clock: Clock = now,
) -> Inventory:
    """Ask every provider for its whole list, all at once, and write each into the books.

    One that is slow, broken or lying is named in `problems`, and its last known resources stand for it.

    Args:
        tracker: The books.
        names: The providers to ask.
        open_provider: Opens one of them; may raise.
        timeout_s: Seconds that each has.
        clock: The time.
    """
    asked_at = clock()

    def ask(name: str) -> tuple[list[Resource], float]:
        def answer() -> tuple[list[Resource], float]:
            provider = open_provider(name)
            return [_checked(each, name) for each in provider.list_resources()], provider.listing_delay_s

        listed, delay_s = call(f"{name}: list", answer, timeout_s=timeout_s)
        return [resource for resource in listed if not resource.state.gone], delay_s

    answers, problems = ask_all(names, ask)
    for name, (listed, delay_s) in answers.items():
        tracker.record_listing(name, listed, asked_at=asked_at, delay_s=delay_s)
    for name, error in problems.items():
        tracker.record_survey_problem(name, error.message)
    unmanaged = [resource for listed, _ in answers.values() for resource in listed if not resource.managed]
    wanted = set(names)
    items = [item for item in _joined(tracker, unmanaged, asked_at) if item.resource.provider in wanted]
    return Inventory(tuple(items), asked_at, problems)


def known_inventory(tracker: ResourceTracker, *, clock: Clock = now) -> Inventory:
    """What the books know of; nobody is asked, and what runctl did not make is not in them."""
    at = clock()
    return Inventory(tuple(_joined(tracker, [], at)), at)


def _checked(listed: object, name: str) -> Resource:
    """Whatever provider it calls itself: who ends a resource must get to the one that listed it."""
    if not isinstance(listed, Resource):
        raise TypeError(f"it listed {listed!r:.100}, which is no Resource")
    return evolve(listed, provider=name)


def _joined(tracker: ResourceTracker, unmanaged: Iterable[Resource], at: datetime) -> list[Item]:
    tracked = tracker.resources()
    runs = {run.id: run for run in tracker.runs()} if tracked else {}
    marks: dict[tuple[str, str], dict[Mark, Marked]] = {}
    for marked in tracker.marks.all():
        marks.setdefault((marked.provider, marked.resource_id), {})[marked.mark] = marked

    def marks_of(resource: Resource) -> dict[Mark, Marked]:
        return marks.get((resource.provider, resource.id), {})

    known = {(each.resource.provider, each.resource.id) for each in tracked}
    items = [_item(each, runs, marks_of(each.resource)) for each in tracked]
    items += [
        Item(resource, last_seen=at, marks=marks_of(resource))
        for resource in unmanaged
        if (resource.provider, resource.id) not in known
    ]
    return items


def _item(tracked: TrackedResource, runs: dict[str, Run], marks: dict[Mark, Marked]) -> Item:
    run_id = tracked.resource.run_id
    return Item(
        resource=tracked.resource,
        last_seen=tracked.last_seen,
        first_seen=tracked.first_seen,
        problem=tracked.problem,
        run=runs.get(run_id) if run_id else None,
        marks=marks,
    )
