"""The budgets of a day and a month: no launch breaks them, and nobody is surprised by them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from core.processes import Commands
from runctl_core.errors import CapacityError, Refused, Scope, UnknownOutcome
from runctl_core.models.money import Price, Total
from runctl_core.models.resources import TAG_OWNER, Offer, Resource, ResourceState
from runctl_core.models.runs import RunState
from runctl_core.tracking import ResourceTracker
from runctl_core.training import start
from runctl_core.training.budgets import refusal
from runctl_core.training.plan import Plan
from runctl_core.training.spending import Budgets, Spending, periods

NOON_S = 12 * 3600


@pytest.fixture
def cloud_day(commands: Commands) -> Commands:
    """A cloud at noon whose machines cost $3.60 an hour, and books with a budget of $20 a day."""
    commands.cloud.wait(NOON_S)
    commands.allowed = Budgets(daily_usd=Decimal(20), owner="o")
    return commands


def _warnings(commands: Commands) -> list[str]:
    with commands.process() as engine:
        return list(engine.budgets.warnings())
    raise AssertionError("the process died")


def test_a_run_that_fits_is_launched(cloud_day: Commands) -> None:
    run = cloud_day.train(max_hours=5)
    assert run is not None
    assert run.state is RunState.SETTING_UP


def test_a_run_that_could_break_the_budget_is_refused_with_the_figures_before_anything_is_made(
    cloud_day: Commands,
) -> None:
    cloud_day.train(max_hours=1)
    with pytest.raises(Refused) as refused:
        cloud_day.train(max_hours=5)
    assert refused.value.message == "this run could break the daily budget of $20.00"
    assert refused.value.why == (
        "$0.00 spent today (UTC); what is there may take $3.60 more ($3.60/h now); "
        "this run may take $18.00 ($3.60/h on small, 5.00 h at most); together $21.60"
    )
    assert refused.value.fix == "--max-hours 4.55, or: runctl config set daily_budget 22"
    assert len(cloud_day.cloud.machines) == len(cloud_day.books.runs()) == 1


def test_the_hours_that_the_refusal_names_are_not_refused(cloud_day: Commands) -> None:
    cloud_day.train(max_hours=1)
    assert cloud_day.train(max_hours=4.55) is not None


def test_a_runs_own_budget_is_what_it_may_take(cloud_day: Commands) -> None:
    assert cloud_day.train(budget_usd=Decimal(15)) is not None
    with pytest.raises(Refused, match="daily budget"):
        cloud_day.train(budget_usd=Decimal(6))


def test_a_run_without_an_end_counts_an_hour(cloud_day: Commands) -> None:
    for _ in range(5):
        cloud_day.train()
    with pytest.raises(Refused) as refused:
        cloud_day.train()
    assert "one hour counted, for nothing ends it" in refused.value.why


def test_a_run_of_days_counts_a_day_of_it(cloud_day: Commands) -> None:
    cloud_day.allowed = Budgets(daily_usd=Decimal(90), owner="o")
    assert cloud_day.train(max_hours=100) is not None
    cloud_day.allowed = Budgets(daily_usd=Decimal(80), owner="o")
    with pytest.raises(Refused) as refused:
        cloud_day.train(max_hours=100)
    assert "24 of its 100 h" in refused.value.why


def test_money_of_yesterday_is_not_of_today_but_of_this_month(cloud_day: Commands) -> None:
    run = cloud_day.train(max_hours=5)
    cloud_day.cloud.wait(5 * 3600)
    cloud_day.stop(run)
    with pytest.raises(Refused, match=r"daily budget of \$20.00"):
        cloud_day.train(max_hours=1)
    cloud_day.cloud.wait(20 * 3600)
    cloud_day.allowed = evolve(cloud_day.allowed, monthly_usd=Decimal(20))
    with pytest.raises(Refused, match=r"monthly budget of \$20.00"):
        cloud_day.train(max_hours=1)
    cloud_day.allowed = evolve(cloud_day.allowed, monthly_usd=None)
    assert cloud_day.train(max_hours=1) is not None


def test_what_is_there_counts_until_midnight_at_most(cloud_day: Commands) -> None:
    cloud_day.allowed = Budgets(Decimal(100), Decimal(200), owner="o")
    cloud_day.train(max_hours=20)
    with cloud_day.process() as engine:
        today, month = engine.budgets.standing()
        assert (today.committed_usd, month.committed_usd) == (Decimal("43.2"), Decimal(72))


def test_a_kept_machine_is_there_for_an_hour_more_at_least(cloud_day: Commands) -> None:
    cloud_day.stop(cloud_day.train(on_finish="keep", max_hours=1))
    cloud_day.cloud.wait(2 * 3600)
    with cloud_day.process() as engine:
        (one,) = engine.budgets.standing()
        assert (one.spent.usd, one.committed_usd) == (Decimal("7.2"), Decimal("3.6"))


def test_of_two_launches_at_once_one_fits(cloud_day: Commands) -> None:
    plan = Plan(provider="cloud", command=("true",), workdir="/", max_hours=3)
    with cloud_day.process() as slower:
        offers = slower.offers(plan)
        cloud_day.train(max_hours=3)
        with start.new_run_id(slower.tracker) as run_id:
            names = dict.fromkeys(("name", "project", "owner", "script"), "n")
            clock = cloud_day.cloud.clock
            run = start.add_run(slower.tracker, plan, run_id, **names, directory="/", clock=clock)
            with pytest.raises(Refused, match="daily budget"):
                slower.launch(run, plan, {}, offers)
    assert len(cloud_day.cloud.machines) == 1, "the second was bought on figures that were old"
    assert cloud_day.books.run(run_id).state is RunState.FAILED
    assert cloud_day.books.open_intents() == []


def test_what_may_have_been_made_counts_until_it_is_known(cloud_day: Commands) -> None:
    cloud_day.cloud.creates = [("lost", True)]
    cloud_day.cloud.delay_s = 600
    with pytest.raises(UnknownOutcome):
        cloud_day.train(max_hours=4)
    with pytest.raises(Refused, match="daily budget"):
        cloud_day.train(max_hours=4)


def test_a_launch_that_was_killed_counts_until_it_is_settled(cloud_day: Commands) -> None:
    for step in range(4, 30):
        cloud_day.train(dies_at=step, max_hours=4)
        if cloud_day.books.open_intents():
            break
    with pytest.raises(Refused, match="daily budget"):
        cloud_day.train(max_hours=4)


def test_a_dearer_offer_is_not_taken_for_one_that_cannot_be_had(cloud_day: Commands) -> None:
    dear = Offer("cloud", "large", Price(Decimal(36), source="test"))
    cloud_day.cloud.offers.append(dear)
    cloud_day.cloud.creates = [CapacityError("none left", scope=Scope.OFFER)]
    with pytest.raises(CapacityError):
        cloud_day.train(max_hours=1)
    assert cloud_day.cloud.machines == {}


def test_what_is_free_fits_into_every_budget(cloud_day: Commands) -> None:
    cloud_day.train()
    cloud_day.allowed = Budgets(daily_usd=Decimal(1), owner="o")
    cloud_day.cloud.offers = [Offer("cloud", "here", Price(Decimal(0)))]
    assert cloud_day.train(max_hours=100) is not None


def test_an_unknown_price_is_named_and_refused_only_when_the_budget_is_used_up(cloud_day: Commands) -> None:
    priced = cloud_day.cloud.offers
    cloud_day.cloud.offers = [Offer("cloud", "secret", Price(None))]
    assert cloud_day.train() is not None
    cloud_day.cloud.offers = priced
    with pytest.raises(Refused) as refused:
        cloud_day.train(max_hours=6)
    assert "1 resource of unknown price not counted" in refused.value.why
    cloud_day.allowed = Budgets(daily_usd=Decimal(18), owner="o")
    cloud_day.train(max_hours=5)
    cloud_day.cloud.offers = [Offer("cloud", "secret", Price(None))]
    with pytest.raises(Refused) as refused:
        cloud_day.train()
    assert "the price of secret is unknown, and the budget is used up without it" in refused.value.why


def test_a_resume_counts_only_what_its_run_has_left(cloud_day: Commands) -> None:
    run = cloud_day.train(max_hours=5)
    cloud_day.cloud.wait(2 * 3600)
    ended = cloud_day.stop(run)
    assert cloud_day.resume(ended) is not None, "7.20 spent, and 3 hours more"


def test_somebody_elses_machines_do_not_count(cloud_day: Commands) -> None:
    price = cloud_day.cloud.offers[0].price
    with cloud_day.process() as engine:
        tags = {TAG_OWNER: "somebody"}
        engine.tracker.record_resource(
            Resource("x", "cloud", "x", ResourceState.RUNNING, tags=tags, price=price)
        )
        cloud_day.cloud.wait(3600)
        (one,) = engine.budgets.standing()
        assert (one.spent, one.committed_usd) == (Total(), 0)


def test_each_part_of_a_budget_is_told_of_once(cloud_day: Commands) -> None:
    cloud_day.train()
    told = []
    for _ in range(8):
        cloud_day.cloud.wait(3600)
        told.append(_warnings(cloud_day))
    assert [bool(texts) for texts in told] == [False, False, True, False, True, True, False, False]
    assert told[2] == ["50 % of the daily budget of $20.00: $10.80 spent today (UTC); $3.60/h now"]
    assert told[4][0].startswith("80 % of")
    assert told[5][0].startswith("100 % of")


def test_the_next_day_and_a_larger_budget_are_told_of_anew(cloud_day: Commands) -> None:
    cloud_day.train()
    cloud_day.cloud.wait(3 * 3600)
    assert len(_warnings(cloud_day)) == 1
    cloud_day.allowed = Budgets(daily_usd=Decimal(21), owner="o")
    assert len(_warnings(cloud_day)) == 1
    cloud_day.cloud.wait(12 * 3600)
    assert _warnings(cloud_day)[0].startswith("50 % of"), "3 hours of the next day"


def test_a_live_runs_own_budget_is_told_of(commands: Commands) -> None:
    run = commands.train(budget_usd=Decimal("7.2"))
    commands.cloud.wait(3600)
    assert _warnings(commands) == [f"50 % of the budget of $7.20 of {run.id}: $3.60 spent"]
    assert _warnings(commands) == []


def test_of_commands_that_warn_at_the_same_moment_one_does(commands: Commands) -> None:
    together = Barrier(8)

    def warn() -> bool:
        with ResourceTracker(commands.path) as tracker:
            tracker.total_cost()  # connects
            together.wait()
            return tracker.mark_warned("daily 20", "2026-11-24", [50])

    with ThreadPoolExecutor(8) as pool:
        told = [pool.submit(warn) for _ in range(8)]
    assert sum(warned.result() for warned in told) == 1


def test_a_warning_that_was_not_written_is_told_again(cloud_day: Commands) -> None:
    """A command that dies before the row is on the disk has told nobody for good."""
    cloud_day.train()
    cloud_day.cloud.wait(3 * 3600)
    with cloud_day.process(dies_at=0) as engine:
        list(engine.budgets.warnings())
    assert len(_warnings(cloud_day)) == 1


def test_months_have_their_own_lengths(commands: Commands) -> None:
    both = Budgets(Decimal(1), Decimal(1))
    for month, days in ((1, 31), (2, 28), (12, 31)):
        day, whole = periods(both, commands.cloud.now.replace(month=month, day=15, hour=7))
        assert (day.until - day.since, whole.until - whole.since) == (timedelta(1), timedelta(days))


MONEY = st.decimals(0, 1000, places=2)


@given(MONEY, MONEY, st.none() | MONEY, st.none() | MONEY, st.decimals("0.01", 1000, places=2))
def test_what_is_not_refused_cannot_break_the_budget(
    spent: Decimal, committed: Decimal, price: Decimal | None, hours: Decimal | None, limit: Decimal
) -> None:
    (today,) = periods(Budgets(limit), datetime(2026, 11, 24, tzinfo=UTC))
    one = Spending(today, Total(spent), committed, Decimal(0), 0)
    refused = refusal([one], Offer("cloud", "m", Price(price)), hours)
    if refused is None and price:
        counted = 1 if hours is None else min(hours, 24)
        assert spent + committed + price * counted <= limit
    if refused is not None:
        assert spent + committed + (price or 0) * (1 if hours is None else min(hours, 24)) >= limit
