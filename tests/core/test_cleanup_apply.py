"""Carrying out a plan over a cloud in memory: what went stale is left alone, what failed stays visible."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from core.cleanup_world import OVER, World
from core.fake_cloud import CloudProvider
from runctl_core.cleanup import CleanupSafety, Mode, Rule
from runctl_core.errors import InvalidRequest, ProviderUnavailable
from runctl_core.inventory import take_inventory
from runctl_core.models.marks import Mark
from runctl_core.models.resources import ResourceState
from runctl_core.models.runs import RunState
from runctl_core.tracking.audit import Act
from runctl_core.tracking.driver import Driver


def ids(parts: Any) -> list[str]:
    return [part.item.resource.id for part in parts]


def test_what_no_run_needs_goes_and_leaves_the_books(world: World) -> None:
    gone, kept = world.machine(), world.machine(**{"runctl:protected": "true"})
    cleaned = world.carry_out(world.plan())
    assert (ids(cleaned.done), ids(cleaned.skipped)) == ([gone], [kept])
    assert world.asked == [gone]
    assert [tracked.resource.id for tracked in world.tracker.resources()] == [kept]


def test_a_plan_that_is_not_carried_out_deletes_nothing(world: World) -> None:
    world.machine()
    assert world.plan().steps
    assert world.asked == []


def _tagged(world: World, machine: str) -> None:
    found = world.cloud.machines[machine]
    tags = {**found.resource.tags, "runctl:protected": "true"}
    found.resource = evolve(found.resource, tags=tags)


def _marked(world: World, machine: str) -> None:
    world.tracker.marks.set("cloud", machine, Mark.PROTECTED, why="", by="ann")


def _vetoed(world: World, _: str) -> None:
    world.plugins.said = ("the plugin p: not on Fridays",)


def _resumed(world: World, _: str) -> None:
    assert world.tracker.change_run("calm-crab-11", RunState.RECOVERING)


def _of_no_known_state(world: World, machine: str) -> None:
    found = world.cloud.machines[machine]
    found.resource = evolve(found.resource, state=ResourceState.UNKNOWN)


@pytest.mark.parametrize(
    ("meanwhile", "rule"),
    [
        (_tagged, Rule.PROTECTED),
        (_marked, Rule.PROTECTED),
        (_vetoed, Rule.PROTECTED),
        (_resumed, Rule.LIVE_RUN),
        (_of_no_known_state, Rule.UNKNOWN_STATE),
    ],
)
def test_what_changed_since_the_plan_is_left_alone(
    world: World, meanwhile: Callable[[World, str], None], rule: Rule
) -> None:
    machine = world.machine(world.run(*OVER))
    plan = world.plan()
    assert ids(plan.steps) == [machine]
    meanwhile(world, machine)
    cleaned = world.carry_out(plan)
    assert world.asked == [], "a plan that went stale was carried out"
    (skipped,) = cleaned.skipped
    assert [reason.rule for reason in skipped.reasons] == [rule]


def test_a_run_that_another_command_works_on_keeps_its_machine(world: World) -> None:
    world.machine(world.run(*OVER))
    plan = world.plan()
    with Driver("calm-crab-11"):
        assert [r.rule for s in world.plan().skipped for r in s.reasons] == [Rule.LIVE_RUN]
        cleaned = world.carry_out(plan)
    assert world.asked == []
    assert [reason.rule for skipped in cleaned.skipped for reason in skipped.reasons] == [Rule.LIVE_RUN]


def test_nobody_can_resume_a_run_while_its_machine_is_deleted(world: World, monkeypatch) -> None:
    world.machine(world.run(*OVER))
    held = []

    def look(*_: object) -> None:
        with Driver("calm-crab-11") as driver:
            held.append(not driver.held)

    monkeypatch.setattr(CloudProvider, "terminate_resource", look)
    world.carry_out(world.plan())
    assert held == [True]


def test_two_machines_of_one_run_are_both_deleted(world: World) -> None:
    run = world.run(*OVER)
    both = [world.machine(run), world.machine(run)]
    assert sorted(ids(world.carry_out(world.plan()).done)) == both


def test_what_is_gone_already_is_not_asked_for_again(world: World) -> None:
    machine = world.machine()
    plan = world.plan()
    world.cloud.machines[machine].gone = True
    assert ids(world.carry_out(plan).done) == [machine]
    assert world.asked == []
    assert world.tracker.resources() == []


def test_a_refused_deletion_stays_visible_until_it_is_settled(world: World) -> None:
    machine = world.machine()
    world.cloud.refusal = InvalidRequest("it is locked")
    (failure,) = world.carry_out(world.plan()).failed
    assert failure.why == "it is locked"
    (tracked,) = world.tracker.resources()
    assert tracked.problem == "it is locked", "a machine that bills on is not shown as a problem"
    world.cloud.refusal = None
    assert ids(world.carry_out(world.plan()).done) == [machine]
    assert world.tracker.resources() == []


def test_what_is_still_listed_after_it_was_accepted_has_failed(world: World, monkeypatch) -> None:
    world.machine()
    monkeypatch.setattr(CloudProvider, "terminate_resource", lambda *_: None)
    (failure,) = world.carry_out(world.plan()).failed
    assert "has not carried it out" in failure.why
    assert world.tracker.resources()[0].problem == failure.why


def test_a_provider_that_does_not_answer_is_in_no_plan(world: World, monkeypatch) -> None:
    world.machine()
    world.plan()

    def down(*_: object) -> None:
        raise ProviderUnavailable("the cloud is down")

    monkeypatch.setattr(CloudProvider, "list_resources", down)
    found = take_inventory(world.tracker, ["cloud"], world.open, timeout_s=0.5, clock=world.cloud.clock)
    assert found.items, "the books know of it"
    plan = world.safety().plan(found.items, found.problems, mode=Mode.FORCED)
    assert (plan.steps, plan.skipped, list(plan.problems)) == ((), (), ["cloud"])


def test_a_provider_that_fell_silent_is_asked_once_and_everything_of_it_has_failed(
    world, monkeypatch
) -> None:
    machines = [world.machine() for _ in range(20)]
    plan = world.plan()
    asked = []

    def down(_: object, resource_id: str) -> None:
        asked.append(resource_id)
        raise ProviderUnavailable("the cloud is down")

    monkeypatch.setattr(CloudProvider, "get_resource", down)
    cleaned = world.carry_out(plan)
    assert sorted(ids(cleaned.failed)) == sorted(machines)
    assert len(set(asked)) <= 8, "each resource of a dead provider costs a time-out"
    assert world.asked == []


def test_a_machine_that_its_provider_may_not_show_yet_is_not_taken_for_gone(world, monkeypatch) -> None:
    import runctl_core.cleanup.facts as facts_module

    machine, others = world.machine(), [world.machine() for _ in range(9)]
    plan = world.plan()
    monkeypatch.setattr(facts_module, "now", world.cloud.clock)
    world.cloud.delay_s = 7200
    world.cloud.machines[machine].visible_at = world.cloud.now.replace(year=2030)
    cleaned = world.carry_out(plan)
    assert (ids(cleaned.failed), sorted(ids(cleaned.done))) == ([machine], sorted(others))
    assert world.tracker.resources(), "it left the books, and bills on unseen"


def test_a_job_of_unknown_books_that_still_runs_is_told(world: World) -> None:
    from core.fake_cloud import CloudExecutor
    from runctl_core.models.jobs import Job

    machine = world.machine(**{"runctl:run": "wise-owl-12", "runctl:token": "wise-owl-12-1-0"})
    provider = CloudProvider(world.cloud)
    CloudExecutor(provider, machine).start(Job(id="wise-owl-12-1", command=("true",), workdir="/"))
    (skipped,) = world.plan(Mode.FORCED).skipped
    assert [reason.rule for reason in skipped.reasons] == [Rule.LIVE_RUN, Rule.UNCOLLECTED]


def test_a_lost_run_without_a_trace_of_its_job_keeps_no_machine(world: World) -> None:
    machine = world.machine(world.run(*OVER[:4], RunState.LOST))
    assert ids(world.plan().steps) == [machine]


def test_a_panic_stops_what_may_hold_the_only_copy_of_a_result(world: World) -> None:
    world.can_stop = True
    machine = world.machine(**{"runctl:run": "wise-owl-12", "runctl:token": "wise-owl-12-1-0"})
    plan = world.plan(Mode.PANIC)
    assert [step.act for step in plan.steps] == [Act.STOP]
    assert ids(world.carry_out(plan).done) == [machine]
    assert world.asked == [], "the only copy of a result was deleted"
    assert world.tracker.resources()[0].resource.state is ResourceState.STOPPED
    assert [row.act for row in world.tracker.audit.rows()] == [Act.STOP, Act.STOP]


def test_a_panic_leaves_it_where_the_provider_cannot_stop(world: World) -> None:
    world.machine(**{"runctl:run": "wise-owl-12", "runctl:token": "wise-owl-12-1-0"})
    plan = world.plan(Mode.PANIC)
    assert plan.steps == ()
    assert [reason.rule for reason in plan.skipped[0].reasons] == [Rule.UNCOLLECTED]


def test_a_panic_takes_what_is_young_and_nobody_elses(world: World) -> None:
    mine, _ = world.machine(), world.machine(**{"runctl:owner": "bob"})
    found = take_inventory(world.tracker, ["cloud"], world.open, timeout_s=5, clock=world.cloud.clock)
    assert ids(world.safety().plan(found.items, mode=Mode.PANIC).steps) == [mine]


def test_nothing_is_deleted_when_the_log_cannot_be_written(world: World, tmp_path: Path) -> None:
    machine = world.machine()
    plan = world.plan()
    with closing(sqlite3.connect(tmp_path / "state.db")) as db:
        db.execute("DROP TABLE audit")
    assert ids(world.carry_out(plan).failed) == [machine]
    assert world.asked == [], "a machine was ended without a trace in the log"


def test_one_that_is_protected_in_the_last_moment_wins(world: World, monkeypatch) -> None:
    machine = world.machine()
    plan = world.plan()
    judge = CleanupSafety.judge

    def judged(*args: Any) -> Any:
        verdict = judge(*args)
        world.tracker.marks.set("cloud", machine, Mark.PROTECTED, why="just now", by="ann")
        return verdict

    monkeypatch.setattr(CleanupSafety, "judge", judged)
    (failure,) = world.carry_out(plan).failed
    assert failure.why == f"cloud/{machine} is protected: just now"
    assert world.asked == []
    assert world.tracker.resources()[0].problem == "", "what is protected is no problem"


def test_a_provider_that_answers_with_another_resource_gets_nothing_ended(world: World, monkeypatch) -> None:
    first, second = world.machine(), world.machine(**{"runctl:protected": "true"})
    plan = world.plan()
    monkeypatch.setattr(CloudProvider, "get_resource", lambda self, _: self.cloud.machines[second].resource)
    (failure,) = world.carry_out(plan).failed
    assert f"asked for '{first}', it gave '{second}'" in failure.why
    assert world.asked == []
