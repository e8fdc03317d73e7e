"""`ResourceTracker`: the one door to the books."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from runctl_core.clock import Clock, now
from runctl_core.errors import NotFound, StateError
from runctl_core.models.runs import OVER, Run, RunChange, RunState
from runctl_core.paths import database_path
from runctl_core.tracking import names, runs
from runctl_core.tracking.ledger import Ledger
from runctl_core.tracking.store import Store

if TYPE_CHECKING:
    from runctl_core.models.intents import Intent
    from runctl_core.models.resources import Resource
    from runctl_core.tracking.audit import Actor, Audit
    from runctl_core.tracking.listings import Survey
    from runctl_core.tracking.marks import Marks
    from runctl_core.tracking.resources import TrackedResource


class ResourceTracker(Ledger):
    """Runs, intents, resources and money. Every method may raise StateError.

    Safe to use from many threads and processes at once: each write is one transaction.

    Args:
        path: The SQLite file; the user's own by default. It is opened when first needed.
        clock: The time that rows are stamped with.
        actor: Says who acts, for the audit log; this account with no command by default.
    """

    def __init__(
        self, path: str | None = None, *, clock: Clock = now, actor: Callable[[], Actor] | None = None
    ) -> None:
        super().__init__(Store(path or database_path()), clock)
        self._actor = actor

    @cached_property
    def marks(self) -> Marks:
        """What the user says of resources."""
        from runctl_core.tracking.marks import Marks

        return Marks(self._store, self._clock)

    @cached_property
    def audit(self) -> Audit:
        """Every deletion and stop; imported only where something is deleted or read."""
        from runctl_core.tracking.audit import Audit, this_account

        return Audit(self._store, self._clock, self._actor or this_account)

    def __enter__(self) -> ResourceTracker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close this thread's connection."""
        self._store.close()

    def version(self) -> int:
        """A number that changes when any other thread or process has written to the books."""
        with self._store.reading() as db:
            return int(db.execute("PRAGMA data_version").fetchone()[0])

    # runs

    def new_run_id(self) -> str:
        """A readable id that no run in the books has yet."""
        with self._store.reading() as db:
            while runs.select(db, candidate := names.run_id()):
                continue
        return candidate

    def add_run(self, run: Run, plan: Mapping[str, Any]) -> None:
        """Write a new run with its plan. Raises StateError when its id is taken."""
        try:
            with self._store.writing() as db:
                runs.insert(db, run, json.dumps(plan), self._clock())
        except StateError as error:
            if isinstance(error.__cause__, sqlite3.IntegrityError):
                raise StateError(f"there is a run {run.id} already", fix="try again") from error
            raise

    def run(self, ref: str) -> Run:
        """The run meant by an id, the beginning of one, a name, or `latest`. Raises NotFound."""
        with self._store.reading() as db:
            return runs.find(db, ref)

    def runs(
        self,
        *,
        states: Collection[RunState] | None = None,
        project: str | None = None,
        owner: str | None = None,
        providers: Collection[str] | None = None,
        since: datetime | None = None,
        limit: int | None = None,
        ids: Collection[str] | None = None,
    ) -> list[Run]:
        """Runs that fit every filter, newest first."""
        with self._store.reading() as db:
            return runs.listing(
                db,
                states=states,
                since=since,
                limit=limit,
                ids=ids,
                providers=providers,
                project=project,
                owner=owner,
            )

    def keeping_runs(self, ids: Collection[str]) -> set[str]:
        """Those of the runs whose plan keeps the machine at the end."""
        with self._store.reading() as db:
            return runs.keeping(db, ids)

    def plan(self, run_id: str) -> dict[str, Any]:
        """The plan of a run. Raises NotFound."""
        with self._store.reading() as db:
            row = db.execute("SELECT plan FROM plans WHERE run_id = ?", (run_id,)).fetchone()
        if row is None:
            raise NotFound(f"no run {run_id}", fix="runctl runs lists them")
        plan: dict[str, Any] = json.loads(row[0])
        return plan

    def save_plan(self, run_id: str, plan: Mapping[str, Any]) -> None:
        """Replace the plan of a run."""
        with self._store.writing() as db:
            db.execute("UPDATE plans SET plan = ? WHERE run_id = ?", (json.dumps(plan), run_id))

    def change_run(
        self,
        run_id: str,
        to: RunState,
        *,
        expect: Collection[RunState] | None = None,
        detail: str = "",
        **columns: Any,
    ) -> Run | None:
        """Enter a state, with a row that says so, unless another command was first.

        Args:
            run_id: The run.
            to: The state to enter.
            expect: States it may come from; every state with an arrow to `to` by default.
            detail: One line for a person.
            columns: Fields of `Run` to set together with the state.

        Returns:
            The run as it is now; None when its state was another one.
        """
        with self._store.writing() as db:
            return runs.change(db, run_id, to, expect, detail, self._clock(), columns)

    def changes(self, run_id: str) -> list[RunChange]:
        """Every change of a run, oldest first."""
        with self._store.reading() as db:
            return runs.changes(db, run_id)

    def has_open_ends(self) -> bool:
        """Whether anything may need settling: a live run, an open intent, a resource left behind."""
        over = ", ".join(f"'{state}'" for state in sorted(OVER))
        query = f"""
            SELECT EXISTS (SELECT 1 FROM runs WHERE state NOT IN ({over}))
                OR EXISTS (SELECT 1 FROM intents WHERE settled = 0)
                OR EXISTS (SELECT 1 FROM resources WHERE gone_at IS NULL AND run_id IS NOT NULL)
        """  # noqa: S608  the states are our own words
        with self._store.reading() as db:
            return bool(db.execute(query).fetchone()[0])

    # intents

    def open_intent(
        self, intent: Intent, *, hourly_usd: Decimal | None = None, deadline: datetime | None = None
    ) -> None:
        """Write an intent durably; it is on the disk when this returns.

        Args:
            intent: The intent.
            hourly_usd: The price of what is to be made; None when nobody knows it.
            deadline: When that ends at the latest; None when nothing ends it.
        """
        from runctl_core.tracking import intents

        with self._store.writing() as db:
            intents.insert(db, intent, hourly_usd, deadline)

    def open_intents(self, provider: str | None = None) -> list[Intent]:
        """Intents whose outcome is not known yet, oldest first."""
        from runctl_core.tracking import intents

        with self._store.reading() as db:
            return intents.listing(db, provider)

    def give_up_intent(self, token: str, at: datetime) -> datetime:
        """Write that nobody waits for an intent's call any more; returns `at`."""
        from runctl_core.tracking import intents

        with self._store.writing() as db:
            intents.give_up(db, token, at)
        return at

    def settle_intent(self, token: str, resource: Resource | None = None, *, problem: str = "") -> None:
        """Close an intent: with the resource that it made, or None for nothing. Idempotent.

        The resource comes into the books in the same transaction, and becomes the run's unless the
        run has one already or is at a later attempt: it is never known without its run.

        Args:
            token: The intent's.
            resource: What the provider made for it.
            problem: Why the resource must go at once, when it must.
        """
        from runctl_core.tracking import intents, resources

        with self._store.writing() as db:
            if resource is not None:
                resources.record(db, resource, self._clock())
                resources.flag(db, resource.provider, resource.id, problem)
                runs.own(db, token, resource.id)
            intents.settle(db, token, None if resource is None else resource.id)

    # resources

    def record_resource(self, resource: Resource) -> None:
        """Write what the provider shows now; a change of state or price begins a new interval."""
        from runctl_core.tracking import resources

        with self._store.writing() as db:
            resources.record(db, resource, self._clock())

    def record_adopted(self, resource: Resource) -> None:
        """Write a resource that the user vouches for: its cost counts from its creation, as an estimate."""
        from runctl_core.tracking import resources

        with self._store.writing() as db:
            resources.record(db, resource, self._clock())
            if resource.created_at is not None:
                resources.backdate(db, resource.provider, resource.id, resource.created_at)

    def record_listing(
        self, provider: str, listed: Iterable[Resource], *, asked_at: datetime, delay_s: float
    ) -> None:
        """Write a provider's whole list: what runctl made or the user adopted, and what is gone.

        Args:
            provider: The provider's name.
            listed: Everything that it has.
            asked_at: When it was asked: what the books learned later is left alone.
            delay_s: How long the provider may not show what is new.
        """
        from runctl_core.tracking import listings

        with self._store.writing() as db:
            listings.record(db, provider, listed, asked_at, delay_s, self._clock())

    def record_survey_problem(self, provider: str, problem: str) -> None:
        """Write why a provider could not be asked for its list."""
        from runctl_core.tracking import listings

        with self._store.writing() as db:
            listings.record_problem(db, provider, problem, self._clock())

    def surveys(self) -> list[Survey]:
        """When each provider was last asked for everything that it has."""
        from runctl_core.tracking import listings

        with self._store.reading() as db:
            return listings.surveys(db)

    def providers(self) -> list[str]:
        """The names of those that have something in the books that is not gone."""
        query = "SELECT DISTINCT provider FROM resources WHERE gone_at IS NULL ORDER BY provider"
        with self._store.reading() as db:
            return [name for (name,) in db.execute(query)]

    def mark_gone(self, provider: str, resource_id: str, *, end_seen: bool = False) -> None:
        """Take a resource off the books, because the provider no longer has it.

        Its cost up to now counts. Unless the end was seen (it was there a moment ago, and was ended
        by us), the part since it was last seen is an estimate.
        """
        from runctl_core.tracking import resources

        with self._store.writing() as db:
            resources.mark_gone(db, provider, resource_id, self._clock(), end_seen=end_seen)

    def touch_resource(self, provider: str, resource_id: str) -> None:
        """Write that a resource is there, because the job on it answers; once a minute is enough."""
        from runctl_core.tracking import resources

        now = self._clock()
        with self._store.reading() as db:
            if not resources.is_due(db, provider, resource_id, now):
                return
        with self._store.writing() as db:
            resources.touch(db, provider, resource_id, now)

    def flag_resource(self, provider: str, resource_id: str, problem: str) -> None:
        """Keep a resource visible with the reason why it could not be ended; "" takes it back."""
        from runctl_core.tracking import resources

        with self._store.writing() as db:
            resources.flag(db, provider, resource_id, problem)

    def resource(self, provider: str, resource_id: str) -> TrackedResource | None:
        """One resource, gone or not."""
        from runctl_core.tracking import resources

        with self._store.reading() as db:
            found = resources.listing(db, provider=provider, resource_id=resource_id)
        return found[0] if found else None

    def resources(
        self, *, provider: str | None = None, run_id: str | None = None, gone: bool | None = False
    ) -> list[TrackedResource]:
        """Resources that fit; those that are gone only when asked (None: both)."""
        from runctl_core.tracking import resources

        with self._store.reading() as db:
            return resources.listing(db, provider=provider, run_id=run_id, gone=gone)
