"""What outlives its run: a protected machine, and one that may hold the only copy of a result."""

from __future__ import annotations

import pytest

from core.processes import Commands
from runctl_core.models.marks import Mark
from runctl_core.models.runs import RunState
from runctl_core.training.settle import settle


def lost_and_found(commands: Commands) -> None:
    """A machine that its provider did not show for a while, so that its run is taken for lost."""
    commands.train()
    commands.ps()
    machine = commands.cloud.alive()[0]
    machine.gone = True
    commands.ps()
    assert commands.the_run().state is RunState.LOST
    machine.gone = False
    provider_list = [machine.resource]
    commands.books.record_listing("cloud", provider_list, asked_at=commands.cloud.now, delay_s=0)
    assert commands.books.resources(), "the listing did not bring it back into the books"


def test_a_machine_that_comes_back_is_not_deleted_with_the_job_that_still_runs_on_it(commands) -> None:
    lost_and_found(commands)
    commands.ps()
    assert commands.cloud.busy(commands.the_run().id), "the only copy of a result was deleted"
    assert any("may be there alone" in note for note in commands.reporter.notes)


def test_a_machine_that_comes_back_without_its_job_is_let_go(commands) -> None:
    lost_and_found(commands)
    commands.cloud.alive()[0].job = None
    commands.ps()
    assert commands.cloud.alive() == []


def test_a_problem_of_the_machine_of_a_live_run_does_not_end_it(commands) -> None:
    run = commands.train()
    commands.ps()
    commands.books.flag_resource("cloud", commands.the_run().resource_id, "it could not be stopped")
    commands.ps()
    assert commands.cloud.busy(run.id), "a live run was ended because of a note in the books"
    assert commands.reporter.notes == [], "a live run's machine is told to be kept, as if it were over"


def test_a_problem_of_a_run_of_other_books_is_left_to_them(commands) -> None:
    run = commands.train()
    machine = commands.cloud.alive()[0].resource
    theirs = {**machine.tags, "runctl:run": "wise-owl-12"}
    from attrs import evolve

    commands.books.record_resource(evolve(machine, id="m-9", tags=theirs))
    commands.books.flag_resource("cloud", "m-9", "it could not be stopped")
    commands.ps()
    assert not any("wise-owl-12" in note for note in commands.reporter.notes)
    assert commands.cloud.busy(run.id)


@pytest.mark.parametrize("how", ["mark", "configuration"])
def test_a_protected_machine_outlives_its_run_and_it_is_said(commands, how: str) -> None:
    commands.train()
    commands.ps()
    machine = commands.cloud.alive()[0]
    if how == "mark":
        commands.books.marks.set("cloud", machine.resource.id, Mark.PROTECTED, why="a demo", by="ann")
    commands.cloud.end_job(machine, exit_code=0)
    with commands.process() as engine:
        if how == "configuration":
            engine.protections = lambda resource: [f"{resource.name} is for a demo"]
        for _ in range(2):
            settle(engine)
    assert commands.the_run().state is RunState.SUCCEEDED
    assert commands.cloud.alive() == [machine], "a protected machine was deleted when its run ended"
    assert any("a demo" in note for note in commands.reporter.notes)
    assert commands.books.resources()[0].problem == ""
