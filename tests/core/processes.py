"""Commands as processes that share nothing but the state directory and the cloud."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from core.fake_cloud import Cloud, CloudProvider, Crash, Fate, mortal_tracker
from runctl_core.models.runs import Run
from runctl_core.tracking import ResourceTracker
from runctl_core.tracking.driver import Driver
from runctl_core.training import start
from runctl_core.training.engine import Engine
from runctl_core.training.plan import Plan
from runctl_core.training.reporter import Reporter
from runctl_core.training.settle import settle
from runctl_core.training.spending import Budgets
from runctl_core.training.stop import stop


class Notes(Reporter):
    """Keeps what a user is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Keep it."""
        self.notes.append(text)


class Commands:
    """`train`, `ps`, `stop` and `resume`, each in a new process that may die at a chosen step.

    Attributes:
        books: The books, as somebody who lives reads them.
        allowed: The budgets of the day and the month.
    """

    def __init__(self, path: str, cloud: Cloud) -> None:
        self.allowed = Budgets()
        self.path = path
        self.cloud = cloud
        self.reporter = Notes()
        self.books = ResourceTracker(path, clock=cloud.clock)

    @contextmanager
    def process(self, dies_at: int | None = None) -> Iterator[Engine]:
        """The engine of a new process."""
        fate = Fate(dies_at)
        provider = CloudProvider(self.cloud, fate)
        with mortal_tracker(self.path, self.cloud, fate) as tracker, suppress(Crash):
            yield Engine(
                tracker,
                lambda _: provider,
                reporter=self.reporter,
                clock=self.cloud.clock,
                allowed=lambda: self.allowed,
            )

    def train(self, dies_at: int | None = None, **plan: Any) -> Run | None:
        """Launch a run; None when the process died."""
        asked = Plan(provider="cloud", command=("true",), workdir="/", **plan)
        with self.process(dies_at) as engine:
            offers = engine.offers(asked)
            with start.new_run_id(engine.tracker) as run_id:
                run = start.add_run(
                    engine.tracker,
                    asked,
                    run_id,
                    name="n",
                    project="p",
                    owner="o",
                    script="s.py",
                    directory="/",
                    clock=self.cloud.clock,
                )
                return engine.launch(run, asked, {}, offers)
        return None

    def ps(self, dies_at: int | None = None) -> None:
        """Settle what is open."""
        with self.process(dies_at) as engine:
            settle(engine)

    def stop(self, run: Run) -> Run | None:
        """Stop a run."""
        with self.process() as engine:
            return stop(engine, run, grace_s=0)
        return None

    def resume(self, run: Run, dies_at: int | None = None) -> Run | None:
        """Start the next attempt; None when the process died."""
        with self.process(dies_at) as engine, Driver(run.id) as driver:
            driver.require()
            plan = Plan.from_json(engine.tracker.plan(run.id))
            return start.resume(engine, run, plan, {}, None)
        return None

    def the_run(self) -> Run:
        """The newest run."""
        return self.books.run("latest")
