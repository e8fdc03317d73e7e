"""Any order of commands, deaths, refusals and late machines: the money and the runs add up."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.fake_cloud import Cloud, Machine
from core.processes import Commands
from runctl_core.errors import (
    AuthenticationError,
    CapacityError,
    InvalidRequest,
    ProviderUnavailable,
    RunctlError,
    Scope,
    SetupError,
)
from runctl_core.models.runs import Run, RunState
from runctl_core.training import begin

CREATES = st.sampled_from(
    [
        None,
        None,
        ("lost", True),
        ("lost", False),
        CapacityError("full", scope=Scope.ACCOUNT),
        InvalidRequest("wrong"),
        ProviderUnavailable("no answer"),
    ]
)
START = st.sampled_from(
    [None, None, ("lost", True), ("lost", False), SetupError("no python"), ProviderUnavailable("cut")]
)
STARTS = st.lists(START, max_size=3)
PICKS = st.integers(0, 100)
DEATHS = st.one_of(st.none(), st.integers(0, 30))


class AnyOrder(RuleBasedStateMachine):
    """A few users over one cloud; each command may die at any of its steps."""

    @initialize(delay=st.sampled_from([0, 0, 30]))
    def begin(self, delay: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.before = os.environ.get("RUNCTL_STATE_DIR")
        os.environ["RUNCTL_STATE_DIR"] = self.folder.name
        begin.START_PAUSES_S = (0.0, 0.0)
        self.commands = Commands(f"{self.folder.name}/state.db", Cloud(delay_s=delay))
        self.cloud = self.commands.cloud
        assert self.runs() == []

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.commands.path)) as db:
            return db.execute(query).fetchall()

    def runs(self) -> list[Run]:
        return self.commands.books.runs()

    def a_run(self, pick: int) -> Run:
        return self.runs()[pick % len(self.runs())]

    def a_machine(self, pick: int) -> Machine:
        return self.cloud.alive()[pick % len(self.cloud.alive())]

    @rule(create=CREATES, start=STARTS, dies_at=DEATHS, keep=st.booleans())
    def train(self, create: object, start: list[object], dies_at: int | None, keep: bool) -> None:
        self.cloud.wait(0.001)  # ids are random: the age alone orders runs
        self.cloud.creates, self.cloud.starts = [create], [*start]
        with suppress(RunctlError):
            self.commands.train(dies_at, on_finish="keep" if keep else "terminate")

    @rule(dies_at=DEATHS)
    def ps(self, dies_at: int | None) -> None:
        self.commands.ps(dies_at)

    @precondition(lambda self: self.runs())
    @rule(create=CREATES, start=STARTS, dies_at=DEATHS, pick=PICKS)
    def resume(self, create: object, start: list[object], dies_at: int | None, pick: int) -> None:
        self.cloud.creates, self.cloud.starts = [create], [*start]
        with suppress(RunctlError):
            self.commands.resume(self.a_run(pick), dies_at)

    @precondition(lambda self: self.runs() and self.cloud.refusal is None and not self.cloud.delay_s)
    @rule(pick=PICKS)
    def stop(self, pick: int) -> None:
        with suppress(RunctlError):
            assert self.commands.stop(self.a_run(pick)).state.over

    @precondition(lambda self: self.cloud.alive())
    @rule(code=st.sampled_from([0, 1]), pick=PICKS)
    def a_script_ends(self, code: int, pick: int) -> None:
        machine = self.a_machine(pick)
        if machine.job is not None and not machine.status.phase.over:
            self.cloud.end_job(machine, exit_code=code)

    @precondition(lambda self: self.cloud.alive())
    @rule(pick=PICKS)
    def the_cloud_takes_a_machine_away(self, pick: int) -> None:
        self.a_machine(pick).gone = True

    @rule(refuses=st.booleans())
    def the_cloud_refuses_to_terminate(self, refuses: bool) -> None:
        self.cloud.refusal = AuthenticationError("not today") if refuses else None

    @rule(seconds=st.sampled_from([1, 20, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.cloud.wait(seconds)

    @invariant()
    def every_change_is_an_arrow(self) -> None:
        for run in self.runs():
            states = [change.state for change in self.commands.books.changes(run.id)]
            assert states[0] is RunState.PLANNED
            assert states[-1] is run.state
            assert all(a.may_become(b) for a, b in pairwise(states)), states

    @invariant()
    def no_machine_is_off_the_books(self) -> None:
        tokens = {row[0] for row in self.rows("SELECT token FROM intents")}
        unsettled = {intent.token for intent in self.commands.books.open_intents()}
        tracked = {t.resource.id for t in self.commands.books.resources()}
        for machine in self.cloud.machines.values():
            assert machine.resource.token in tokens, "a machine that no intent preceded"
            known = machine.resource.id in tracked or machine.resource.token in unsettled
            assert machine.gone or known, f"{machine.resource.id} bills and nobody knows"

    @invariant()
    def no_two_attempts_run_at_once(self) -> None:
        for run in self.runs():
            assert len(self.cloud.busy(run.id)) < 2, f"two jobs write the checkpoints of {run.id}"

    @invariant()
    def costs_are_never_negative(self) -> None:
        assert self.rows("SELECT * FROM intervals WHERE until < since") == []
        assert all(total.usd >= 0 for total in self.commands.books.costs(by="run").values())

    def teardown(self) -> None:
        if hasattr(self, "commands"):
            try:
                self.all_comes_to_its_end()
            finally:
                self.commands.books.close()
                os.environ.pop("RUNCTL_STATE_DIR")
                if self.before is not None:
                    os.environ["RUNCTL_STATE_DIR"] = self.before
                self.folder.cleanup()

    def all_comes_to_its_end(self) -> None:
        """The cloud behaves again, the scripts end: the next commands close everything."""
        self.cloud.refusal = None
        for _ in range(3):
            for machine in self.cloud.alive():
                if machine.job is not None and not machine.status.phase.over:
                    self.cloud.end_job(machine, exit_code=0)
            self.commands.ps()
            self.cloud.wait(60)
        books = self.commands.books
        assert [run.state for run in self.runs() if not run.state.over] == []
        assert books.open_intents() == []
        assert {t.resource.id for t in books.resources()} == {m.resource.id for m in self.cloud.alive()}
        for machine in self.cloud.alive():
            assert books.plan(machine.resource.run_id)["on_finish"] == "keep", "it bills for nothing"
            assert machine.job is not None, "kept, and nothing ever ran on it"


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)
