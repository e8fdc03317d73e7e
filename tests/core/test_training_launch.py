"""A launch: the right offer, within its limits, and nothing left of one that fails."""

from __future__ import annotations

import errno
import os
import signal
from decimal import Decimal

import pytest
from attrs import evolve

from core.fake_cloud import DOLLAR
from core.processes import Commands
from runctl_core.errors import (
    AuthenticationError,
    CapacityError,
    InsufficientFunds,
    InvalidRequest,
    PriceLimitError,
    ProviderUnavailable,
    QuotaError,
    Refused,
    Scope,
    SetupError,
    StateError,
    UnknownOutcome,
)
from runctl_core.models.money import UNKNOWN_PRICE, Price
from runctl_core.models.resources import Offer
from runctl_core.models.runs import RunState

HOUR = 3600


def offer(name: str, cents: int, region: str = "", zone: str = "") -> Offer:
    price = Price(Decimal(cents) / 100, source="test")
    return Offer("cloud", name, price, region=region, zone=zone)


PLACES = [
    offer("a", 1, "north", "n1"),
    offer("b", 2, "north", "n1"),
    offer("c", 3, "north", "n2"),
    offer("d", 4, "south", "s1"),
]


def chosen(commands: Commands) -> list[str]:
    return [machine.resource.price.hourly_usd for machine in commands.cloud.alive()]


@pytest.mark.parametrize(
    ("scope", "taken"), [(Scope.OFFER, 2), (None, 2), (Scope.ZONE, 3), (Scope.REGION, 4)]
)
def test_capacity_moves_on_to_the_next_offer_outside_its_scope(commands, scope, taken) -> None:
    commands.cloud.offers = PLACES
    commands.cloud.creates = [CapacityError("full", scope=scope)]
    commands.train()
    assert chosen(commands) == [Decimal(taken) / 100]
    assert commands.books.open_intents() == []


def test_capacity_of_the_whole_account_tries_nothing_more(commands) -> None:
    commands.cloud.offers = PLACES
    commands.cloud.creates = [CapacityError("full", scope=Scope.ACCOUNT)]
    with pytest.raises(CapacityError, match="nothing free"):
        commands.train()
    assert commands.cloud.machines == {}
    assert commands.the_run().state is RunState.FAILED


@pytest.mark.parametrize("kind", [QuotaError, InsufficientFunds, AuthenticationError, InvalidRequest])
def test_what_waiting_does_not_mend_stops_at_once_and_leaves_no_intent(commands, kind) -> None:
    commands.cloud.offers = PLACES
    commands.cloud.creates = [kind("no")]
    with pytest.raises(kind):
        commands.train()
    assert commands.cloud.machines == {}, "a second offer was tried"
    assert commands.books.open_intents() == []
    assert (commands.the_run().state, commands.the_run().reason) == (RunState.FAILED, "no")


def test_a_machine_whose_create_has_an_unknown_outcome_is_ended_at_once(commands) -> None:
    commands.cloud.creates = [("lost", True)]
    with pytest.raises(UnknownOutcome):
        commands.train()
    assert commands.cloud.machines, "nothing was made, so this shows nothing"
    assert commands.cloud.alive() == [], "it bills until somebody runs the next command"
    assert commands.books.open_intents() == []


def test_an_intent_whose_call_may_still_go_on_is_left_to_the_next_command(commands) -> None:
    commands.cloud.creates = [("lost", False)]
    with pytest.raises(UnknownOutcome):
        commands.train()
    assert len(commands.books.open_intents()) == 1
    commands.ps()
    assert commands.books.open_intents() == []


def test_a_provider_that_is_out_of_reach_leaves_the_intent_to_be_settled(commands) -> None:
    commands.cloud.creates = [ProviderUnavailable("no answer")]
    with pytest.raises(ProviderUnavailable):
        commands.train()
    assert commands.the_run().state is RunState.FAILED
    commands.ps()
    assert commands.books.open_intents() == []


@pytest.mark.parametrize("answer", [SetupError("no python"), ("lost", True), ("lost", False)])
def test_a_job_that_does_not_start_leaves_no_machine(commands, answer) -> None:
    commands.cloud.starts = [answer] * 3
    with pytest.raises((SetupError, UnknownOutcome)):
        commands.train()
    assert commands.cloud.alive() == []
    assert (commands.the_run().state, commands.the_run().ended_by) == (RunState.FAILED, "launch")


def test_ctrl_c_while_the_job_starts_leaves_no_machine(commands) -> None:
    commands.cloud.starts = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        commands.train()
    assert commands.cloud.alive() == []
    assert commands.the_run().state is RunState.CANCELLED


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_during_a_launch_never_orphans_its_machine(commands, number) -> None:
    ended = False
    commands.reporter.chosen = lambda _: os.kill(os.getpid(), number)
    try:
        commands.train()
    except KeyboardInterrupt:
        ended = True
    assert ended == (number == signal.SIGTERM)
    assert len(commands.cloud.alive()) == (0 if ended else 1)
    assert commands.books.open_intents() == []
    assert signal.getsignal(number) is signal.SIG_DFL, "the signal stays held after the launch"


def test_books_that_cannot_be_written_after_the_create_end_the_machine(commands, monkeypatch) -> None:
    from runctl_core.tracking import ResourceTracker

    def full(*_args: object, **_kwargs: object) -> None:
        raise StateError("the disk is full")

    monkeypatch.setattr(ResourceTracker, "settle_intent", full)
    with pytest.raises(StateError):
        commands.train()
    monkeypatch.undo()
    assert commands.cloud.machines
    assert commands.cloud.alive() == [], "it bills, and the books cannot say so"


def test_a_refused_termination_is_flagged_and_tried_again_by_every_later_command(commands) -> None:
    commands.cloud.starts = [SetupError("no python")]
    commands.cloud.refusal = AuthenticationError("not today")
    with pytest.raises(SetupError):
        commands.train(on_finish="keep")
    (left,) = commands.books.resources()
    assert "not today" in left.problem
    commands.ps()
    assert commands.books.resources(), "it left the books while the cloud lists it"
    commands.cloud.refusal = None
    commands.ps()
    assert commands.cloud.alive() == []
    assert commands.books.resources() == []


def test_a_terminal_that_is_gone_does_not_undo_the_launch(commands) -> None:
    def gone(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    commands.reporter.created = gone
    run = commands.train()
    assert run.state is RunState.SETTING_UP
    assert len(commands.cloud.busy(run.id)) == 1


def test_a_stop_during_the_create_ends_the_launch_and_its_machine(commands) -> None:
    commands.reporter.created = lambda *_: commands.stop(commands.the_run())
    with pytest.raises(Refused, match="stopped by another command"):
        commands.train()
    assert commands.the_run().state is RunState.CANCELLED
    assert commands.cloud.alive() == []


# limits


def test_a_budget_becomes_the_deadline_of_job_and_machine(commands) -> None:
    run = commands.train(budget_usd="1.80")
    (machine,) = commands.cloud.alive()
    assert (machine.job.deadline - commands.cloud.now).total_seconds() == HOUR / 2
    assert machine.job.deadline_is_budget
    assert machine.resource.tags["runctl:expires"] == machine.job.deadline.isoformat()
    assert run.deadline == machine.job.deadline


def test_a_budget_and_hours_cover_all_attempts_together(commands) -> None:
    run = commands.train(budget_usd="1.80", max_hours=10)
    commands.cloud.wait(600)
    commands.stop(run)
    commands.cloud.wait(HOUR)
    commands.resume(commands.the_run())
    job = commands.cloud.alive()[0].job
    assert (job.deadline - commands.cloud.now).total_seconds() == HOUR / 2 - 600
    commands.cloud.wait(HOUR)
    commands.stop(commands.the_run())
    with pytest.raises(Refused, match="used up"):
        commands.resume(commands.the_run())


def test_a_budget_is_refused_where_nobody_knows_the_price(commands) -> None:
    commands.cloud.offers = [Offer("cloud", "x", UNKNOWN_PRICE)]
    with pytest.raises(Refused, match="budget needs a price"):
        commands.train(budget_usd="5")
    assert commands.books.runs() == []


def test_with_a_budget_offers_of_unknown_price_are_never_tried(commands) -> None:
    commands.cloud.offers = [*PLACES[:1], Offer("cloud", "x", UNKNOWN_PRICE)]
    commands.cloud.creates = [CapacityError("full", scope=Scope.OFFER)]
    with pytest.raises(CapacityError, match="nothing free"):
        commands.train(budget_usd="5")
    assert commands.cloud.machines == {}


def test_a_machine_that_does_not_say_its_price_costs_what_was_offered(commands) -> None:
    commands.cloud.creates = [("dearer", UNKNOWN_PRICE)]
    run = commands.train(budget_usd="1.80")
    assert commands.cloud.alive()[0].job.deadline is not None, "the budget was dropped"
    commands.cloud.wait(HOUR / 4)
    total = commands.books.cost_of_run(run.id)
    assert (total.usd, total.unknown) == (Decimal("0.90"), 0)
    assert total.estimated_usd == total.usd, "an offer's price is no bill"


def test_the_price_limit_holds_against_offers_and_against_machines(commands) -> None:
    limit = {"request": {"max_hourly_usd": "4"}}
    commands.cloud.offers = [offer("dear", 401)]
    with pytest.raises(PriceLimitError):
        commands.train(**limit)
    assert commands.cloud.machines == {}
    commands.cloud.offers = [Offer("cloud", "small", DOLLAR)]
    commands.cloud.creates = [("dearer", evolve(DOLLAR, hourly_usd=Decimal("4.01")))]
    with pytest.raises(PriceLimitError, match="costs more"):
        commands.train(**limit)
    assert commands.cloud.machines
    assert commands.cloud.alive() == []
