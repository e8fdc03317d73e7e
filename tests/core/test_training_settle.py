"""What the next command makes of what a dead one left: nothing is lost, nothing bills unseen."""

from __future__ import annotations

import fcntl
import os
from decimal import Decimal
from pathlib import Path

import pytest

from core.processes import Commands
from runctl_core.errors import AuthenticationError, Refused, StateError, UnknownOutcome
from runctl_core.models.jobs import EndedBy
from runctl_core.models.runs import RunState
from runctl_core.paths import run_dir
from runctl_core.runner.job_directory import GIVEN_BACK
from runctl_core.training import engine as engine_module
from runctl_core.training.receipt import read_receipt

DELAY = 30
ALL_STEPS = range(40)


def whole(commands: Commands) -> bool:
    """Whether nothing is open: no intent, no machine, no live run."""
    books = commands.books
    return not (books.open_intents() or commands.cloud.alive() or books.resources()) and all(
        run.state.over for run in books.runs()
    )


@pytest.mark.parametrize("keep", ["terminate", "keep"])
def test_a_launch_killed_at_any_step_is_closed_with_nothing_left(tmp_path, monkeypatch, keep) -> None:
    from core.fake_cloud import Cloud

    survived = 0
    for step in ALL_STEPS:
        monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path / str(step)))
        commands = Commands(str(tmp_path / str(step) / "state.db"), Cloud())
        if run := commands.train(dies_at=step, on_finish=keep):
            survived += 1
            commands.stop(run)
            continue
        made = bool(commands.cloud.machines)
        assert not made or commands.books.open_intents() or commands.books.resources(gone=None), (
            f"step {step}: a machine that no row announces"
        )
        commands.ps()
        for busy in commands.books.runs(states=engine_module.LIVE):  # the job had begun: it goes on
            assert commands.cloud.busy(busy.id), f"step {step}: {busy.state} and no job"
            commands.cloud.end_job(commands.cloud.alive()[0], exit_code=0)
            commands.ps()
            assert commands.the_run().state is RunState.SUCCEEDED
            for machine in commands.cloud.alive():
                assert keep == "keep"
                machine.gone = True
                commands.books.mark_gone("cloud", machine.resource.id)
        assert whole(commands), f"step {step}: {commands.books.open_intents()}, {commands.cloud.alive()}"
    assert 20 < survived < len(ALL_STEPS) - 8, "no step of a launch was hit"


def test_a_machine_that_shows_late_is_adopted_and_ended(commands) -> None:
    commands.cloud.delay_s = DELAY
    commands.cloud.creates = [("lost", True)]
    with pytest.raises(UnknownOutcome):
        commands.train()
    commands.ps()
    assert commands.books.open_intents(), "the intent was closed before the cloud would show the machine"
    commands.cloud.wait(DELAY)
    commands.ps()
    assert whole(commands)


def test_a_create_that_took_effect_after_its_time_was_over_is_adopted(commands) -> None:
    commands.cloud.delay_s = DELAY
    commands.cloud.creates = [("lost", True)]
    with pytest.raises(UnknownOutcome):
        commands.train()
    (machine,) = commands.cloud.machines.values()
    commands.cloud.wait(3600)  # the call hung as long as it may; the cloud got to it only now
    machine.visible_at = commands.cloud.now + (machine.visible_at - machine.resource.created_at)
    commands.ps()
    assert commands.books.open_intents(), "it was closed by the age of the intent alone"
    commands.cloud.wait(DELAY)
    commands.ps()
    assert whole(commands)


def test_a_young_machine_that_is_not_shown_yet_is_not_taken_for_gone(commands) -> None:
    commands.cloud.delay_s = DELAY
    run = commands.train()
    commands.ps()
    assert commands.the_run().state is not RunState.LOST
    commands.cloud.wait(DELAY)
    commands.ps()
    assert commands.the_run().state is RunState.RUNNING
    assert commands.cloud.busy(run.id)


def test_a_machine_that_vanished_makes_its_run_lost(commands) -> None:
    commands.train()
    commands.ps()
    commands.cloud.alive()[0].gone = True
    commands.ps()
    assert commands.the_run().state is RunState.LOST
    assert whole(commands)


def test_a_machine_without_a_trace_of_its_job_makes_the_run_lost_and_is_ended(commands) -> None:
    commands.train()
    commands.ps()
    commands.cloud.alive()[0].job = None
    commands.ps()
    assert commands.the_run().state is RunState.LOST
    assert whole(commands)


def test_a_finish_killed_at_any_step_never_forgets_how_the_run_ended(tmp_path, monkeypatch) -> None:
    from core.fake_cloud import Cloud

    killed = 0
    for step in range(16):
        monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path / str(step)))
        commands = Commands(str(tmp_path / str(step) / "state.db"), Cloud())
        run = commands.train()
        commands.cloud.end_job(commands.cloud.alive()[0], exit_code=7)
        commands.ps(dies_at=step)
        killed += not whole(commands)
        commands.ps()
        ended = commands.the_run()
        assert (ended.state, ended.exit_code) == (RunState.FAILED, 7), f"killed at step {step}"
        assert read_receipt(run.id)["exit_code"] == 7
        assert whole(commands), f"killed at step {step}"
    assert killed >= 5, "no step of a finish was hit"


def test_results_that_cannot_be_brought_home_keep_the_machine(commands) -> None:
    run = commands.train()
    commands.cloud.end_job(commands.cloud.alive()[0], exit_code=0)
    os.mkdir(os.path.join(run_dir(run.id), "attempt-1.log"))  # the disk does not take the log
    commands.ps()
    assert commands.the_run().state is RunState.COLLECTING
    assert len(commands.cloud.alive()) == 1, "the only copy of the results is gone"
    assert any("runctl pull" in note for note in commands.reporter.notes), commands.reporter.notes
    os.rmdir(os.path.join(run_dir(run.id), "attempt-1.log"))
    commands.ps()
    assert commands.the_run().state is RunState.SUCCEEDED
    assert whole(commands)


def test_a_receipt_that_cannot_be_written_keeps_the_run_open(commands) -> None:
    run = commands.train()
    commands.cloud.end_job(commands.cloud.alive()[0], exit_code=0, oom=True)
    os.mkdir(os.path.join(run_dir(run.id), "receipt.json"))
    commands.ps()
    assert commands.the_run().state is RunState.COLLECTING
    os.rmdir(os.path.join(run_dir(run.id), "receipt.json"))
    commands.ps()
    assert read_receipt(run.id)["out_of_memory"] is True, "what only the runner knew is lost"


def test_the_receipt_has_the_cost_of_the_release_too(commands) -> None:
    run = commands.train()
    commands.cloud.ending_s = 1000
    commands.cloud.end_job(commands.cloud.alive()[0], exit_code=0)
    commands.ps()
    assert Decimal(read_receipt(run.id)["cost_usd"]) == commands.books.cost_of_run(run.id).usd == 1


def test_a_kept_machine_stays_with_its_price(commands) -> None:
    run = commands.train(on_finish="keep")
    commands.cloud.end_job(commands.cloud.alive()[0], exit_code=0)
    commands.ps()
    commands.ps()
    assert len(commands.cloud.alive()) == 1
    before = commands.books.cost_of_run(run.id).usd
    commands.cloud.wait(3600)
    assert commands.books.cost_of_run(run.id).usd > before


def test_no_attempt_begins_while_an_earlier_machine_is_not_gone(commands) -> None:
    commands.cloud.starts = [("lost", True)] * 3
    commands.cloud.refusal = AuthenticationError("not today")
    with pytest.raises(UnknownOutcome):
        commands.train()
    run = commands.the_run()
    assert commands.cloud.busy(run.id), "the job runs, unknown to everybody"
    with pytest.raises(Refused, match="not gone yet"):
        commands.resume(run)
    assert len(commands.cloud.busy(run.id)) == 1, "two attempts write the same checkpoints"
    commands.cloud.refusal = None
    commands.resume(run)
    assert [machine.job.id for machine in commands.cloud.busy(run.id)] == [f"{run.id}-2"]


def test_a_resume_of_what_another_command_resumed_meanwhile_is_refused(commands) -> None:
    commands.stop(commands.train())
    seen = commands.the_run()
    commands.stop(commands.resume(seen))
    with pytest.raises(Refused, match="meanwhile"):
        commands.resume(seen)
    assert commands.the_run().attempt == 2


def test_a_run_that_is_driven_is_left_to_its_driver(commands) -> None:
    run = commands.train()
    commands.cloud.end_job(commands.cloud.alive()[0], exit_code=0)
    lock = os.open(os.path.join(run_dir(run.id), "driver.lock"), os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    commands.ps()
    assert not commands.the_run().state.over
    os.close(lock)
    commands.ps()
    assert commands.the_run().state is RunState.SUCCEEDED


def test_a_new_run_never_gets_the_directory_of_an_older_one(commands, monkeypatch) -> None:
    from runctl_core.tracking import names

    old = Path(run_dir("calm-fox-33"), "checkpoints")
    old.mkdir(parents=True)
    (old / "step-9.pkl").write_bytes(b"another run's work")
    ids = iter(["calm-fox-33", "calm-fox-33", "wise-owl-12"])
    monkeypatch.setattr(names, "run_id", lambda: next(ids))
    assert commands.train().id == "wise-owl-12"


def test_a_run_that_the_books_do_not_take_leaves_no_directory(commands, monkeypatch) -> None:
    from runctl_core.tracking import ResourceTracker

    def full(*_: object) -> None:
        raise StateError("the disk is full")

    monkeypatch.setattr(ResourceTracker, "add_run", full)
    with pytest.raises(StateError):
        commands.train()
    assert os.listdir(os.path.dirname(run_dir("x"))) == []
    assert commands.cloud.machines == {}


def test_a_stop_reaches_a_job_that_starts_a_moment_later(commands) -> None:
    from runctl_core.training import stop as stop_module

    run = commands.train()
    (machine,) = commands.cloud.alive()
    job, machine.job = machine.job, None
    lock = os.open(os.path.join(run_dir(run.id), "driver.lock"), os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)  # the launching command is between its last row and the start
    looks = iter(range(100))

    def bring_on(engine, run):
        if next(looks) == 3:
            machine.job = job
            os.close(lock)
        return real(engine, run)

    real, stop_module.bring_on = stop_module.bring_on, bring_on
    try:
        assert commands.stop(run).state is RunState.CANCELLED
    finally:
        stop_module.bring_on = real
    assert commands.cloud.alive() == []


def test_a_kept_machine_that_ended_itself_costs_nothing_more(commands) -> None:
    run = commands.train(on_finish="keep")
    commands.cloud.end_job(commands.cloud.alive()[0], exit_code=0)
    commands.ps()
    commands.cloud.wait(3600)
    commands.cloud.alive()[0].gone = True  # as its own timer does at the deadline
    commands.ps()
    before = commands.books.cost_of_run(run.id).usd
    commands.cloud.wait(3600)
    assert commands.books.cost_of_run(run.id).usd == before
    assert commands.books.resources() == []


def test_whoever_asks_for_a_run_that_is_over_releases_what_its_last_command_could_not(commands) -> None:
    run = commands.train()
    commands.cloud.end_job(commands.cloud.alive()[0], exit_code=0)
    commands.cloud.refusal = AuthenticationError("not today")
    commands.ps()
    assert commands.the_run().state is RunState.SUCCEEDED
    assert len(commands.cloud.alive()) == 1
    commands.cloud.refusal = None
    with pytest.raises(Refused, match="over already"):
        commands.stop(run)
    assert commands.cloud.alive() == []


def test_what_a_vanished_machine_cost_is_an_estimate_only_since_its_job_last_answered(commands) -> None:
    run = commands.train()
    commands.cloud.wait(3 * 3600)
    commands.ps()
    commands.cloud.wait(3600)
    commands.cloud.machines[run.resource_id].gone = True
    commands.ps()
    total = commands.books.cost_of_run(run.id)
    assert (total.usd, total.estimated_usd) == (Decimal("14.4"), Decimal("3.6"))


def test_a_machine_that_was_gone_before_it_could_be_released_leaves_an_estimate(commands) -> None:
    run = commands.train()
    commands.cloud.refusal = AuthenticationError("not today")
    commands.cloud.wait(3600)
    commands.stop(run)
    assert commands.books.resources(), "the provider refused to end it"
    commands.cloud.refusal = None
    commands.cloud.wait(3600)
    commands.cloud.machines[run.resource_id].gone = True
    commands.ps()
    total = commands.books.cost_of_run(run.id)
    assert (total.usd, total.estimated_usd) == (Decimal("7.2"), Decimal("3.6"))


def test_a_job_that_began_while_its_machine_was_given_back_was_stopped_by_nobody(commands) -> None:
    commands.train()
    (machine,) = commands.cloud.alive()  # the launch was killed, and so was the command that settled it
    commands.cloud.end_job(machine, signal=9, ended_by=EndedBy.CANCEL, message=GIVEN_BACK)
    commands.ps()
    run = commands.the_run()
    assert (run.state, run.ended_by) == (RunState.FAILED, "launch"), "it says that somebody stopped it"
    assert "given back" in run.reason
    assert whole(commands)
