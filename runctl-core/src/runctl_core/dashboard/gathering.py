"""Gathers what the dashboard shows, each question in a daemon thread of its own.

What the books know is there at once. Each provider is asked by itself and its answer goes into the
books, so one that hangs makes only its own rows old. The screen never waits for anything here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import evolve

from runctl_core.clock import day_of, month_of
from runctl_core.dashboard.snapshot import Health, News, Snapshot, Watched
from runctl_core.dashboard.sources import Sources
from runctl_core.dashboard.threads import in_background
from runctl_core.dashboard.watching import Watch
from runctl_core.errors import RunctlError
from runctl_core.inventory import Item, known_inventory, take_inventory
from runctl_core.models.burn import Burn
from runctl_core.models.runs import Run
from runctl_core.tracking import ResourceTracker
from runctl_core.training.settle import settle

_LOOK_S = 0.5
"""Seconds between two looks whether the books have changed."""

_COST_S = 5.0
"""Seconds after which they are read again all the same: money runs on."""


class Gatherer:
    """Tells of every change.

    Args:
        sources: Where from.
        tell: Is given what is new, from any thread.
    """

    def __init__(self, sources: Sources, tell: Callable[[News], None]) -> None:
        self._sources = sources
        self._tell = tell
        self._lock = threading.RLock()
        self._health = {name: Health(name) for name in sources.names}
        self._snapshot = Snapshot(sources.clock())
        self._strangers: dict[str, tuple[Item, ...]] = {}
        self._watch: Watch | None = None
        self._watched = ""
        self._wake_books = threading.Event()
        self._wake = {name: threading.Event() for name in sources.names}

    def start(self) -> None:
        """Begin; the first snapshot is told soon, from the books."""
        in_background("books", self._read_books, self._tell)
        for name in self._sources.names:
            in_background(f"ask {name}", partial(self._keep_asking, name), self._tell)

    def refresh(self) -> None:
        """Ask every provider now, but those that still owe an answer."""
        for event in (*self._wake.values(), self._wake_books):
            event.set()

    def watch(self, run: Run | None) -> None:
        """Look at this run from close by, and at no other."""
        watched = "" if run is None else run.id
        if watched == self._watched:
            if run is not None and self._watch is not None:
                self._watch.changed(run)
            return
        if self._watch is not None:
            self._watch.leave()
        self._watched, self._watch = watched, None
        self._tell(Watched(watched))
        if run is not None:
            behind = partial(self._settle_soon, run)
            self._watch = Watch(self._sources, run, self._tell, behind)

    def _settle_soon(self, run: Run) -> None:
        if run.provider in self._wake:
            self._wake[run.provider].set()

    # the books

    def _read_books(self) -> None:
        tracker, last, waited_s = self._sources.tracker, -1, 0.0
        while True:
            try:
                version = tracker.version()
                if version != last or waited_s >= _COST_S or self._wake_books.is_set():
                    self._wake_books.clear()
                    self._change(**self._read(tracker))
                    last, waited_s = version, 0.0
            except RunctlError as error:
                self._change(problem=error.summary)
            self._wake_books.wait(_LOOK_S)
            waited_s += _LOOK_S

    def _read(self, tracker: ResourceTracker) -> dict[str, Any]:
        at = self._sources.clock()
        known = known_inventory(tracker, clock=self._sources.clock).items
        strangers = [item for found in list(self._strangers.values()) for item in found]
        for survey in tracker.surveys():
            self._set_health(survey.provider, answered_at=survey.at)
        return {
            "at": at,
            "runs": tuple(tracker.runs()),
            "items": (*known, *strangers),
            "run_costs": tracker.costs(by="run", until=at),
            "resource_costs": tracker.costs(by="resource", until=at),
            "burn": sum(tracker.burn().values(), Burn()),
            "today": tracker.total_cost(since=day_of(at), until=at),
            "month": tracker.total_cost(since=month_of(at), until=at),
            "problem": "",
        }

    def _change(self, **fields: Any) -> None:
        with self._lock:
            self._snapshot = evolve(self._snapshot, **fields)
            self._tell(self._snapshot)

    def _set_health(self, name: str, **fields: Any) -> None:
        with self._lock:
            if name in self._health:
                self._health[name] = evolve(self._health[name], **fields)
                self._change(providers=tuple(self._health.values()))

    # the providers

    def _keep_asking(self, name: str) -> None:
        while True:
            self._wake[name].clear()
            self._set_health(name, asked_at=self._sources.clock())
            try:
                problem = self._ask(name)
                if not problem:
                    settle(self._sources.engine, provider=name)
            except RunctlError as error:
                problem = error.summary
            self._set_health(name, asked_at=None, problem=problem)
            self._wake[name].wait(self._sources.interval_s)

    def _ask(self, name: str) -> str:
        """Bring a provider's whole list into the books. Returns why it did not answer; "" when it did."""
        sources = self._sources
        found = take_inventory(
            sources.tracker, [name], sources.open_provider, timeout_s=sources.timeout_s, clock=sources.clock
        )
        if name in found.problems:
            return found.problems[name].summary
        self._strangers[name] = tuple(item for item in found.items if item.first_seen is None)
        self._wake_books.set()
        return ""
