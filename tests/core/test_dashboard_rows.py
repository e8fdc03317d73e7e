"""What the dashboard's tables and lines say: which rows, in which order, in which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from runctl_core.dashboard import keys as keys_of_top
from runctl_core.dashboard import sentences
from runctl_core.dashboard.columns import fitting
from runctl_core.dashboard.glyphs import ASCII, BLOCKS, choose
from runctl_core.dashboard.rows import Order, View, cost, item_columns, run_columns
from runctl_core.dashboard.snapshot import Health, Snapshot, Watched
from runctl_core.inventory import Item
from runctl_core.models.burn import Burn
from runctl_core.models.checkpoints import Checkpoint
from runctl_core.models.jobs import Usage
from runctl_core.models.marks import Mark, Marked
from runctl_core.models.money import Price, Total
from runctl_core.models.resources import TAG_OWNER, Resource, ResourceState
from runctl_core.models.runs import Run, RunState

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def run(run_id: str, state: RunState = RunState.RUNNING, *, hours_ago: float = 1, **fields: Any) -> Run:
    """A run that began so long ago."""
    begun = AT - timedelta(hours=hours_ago)
    ended = begun if state.over else None
    return Run(
        run_id, "train.py", "demo", "me", "cloud", "train.py", "/", state, begun, ended_at=ended, **fields
    )


def item(resource_id: str, usd: str | None = "1.00", *, owner: str = "me", **fields: Any) -> Item:
    """A resource that runctl made."""
    problem, marks = fields.pop("problem", ""), fields.pop("marks", {})
    price = Price(None if usd is None else Decimal(usd), "api")
    fields |= {"managed": True, "tags": {TAG_OWNER: owner}, "price": price}
    resource = Resource(resource_id, "cloud", resource_id, ResourceState.RUNNING, **fields)
    return Item(resource=resource, problem=problem, first_seen=AT, last_seen=AT, run=None, marks=marks)


def view(*items: Item, runs: tuple[Run, ...] = (), **fields: Any) -> View:
    """What is shown of these."""
    costs = fields.pop("run_costs", {})
    return View(Snapshot(AT, runs=runs, items=items, run_costs=costs), "me", **fields)


def keys(shown: View) -> list[str]:
    return [each.key for each in shown.items()]


def test_resources_are_sorted_by_money_and_an_unknown_price_may_be_any() -> None:
    shown = view(item("cheap", "0.10"), item("dear", "9.00"), item("dark", None), item("free", "0"))
    assert keys(shown) == ["cloud/dark", "cloud/dear", "cloud/cheap", "cloud/free"]


def test_what_could_not_be_ended_stands_on_top_whatever_it_costs_and_whose_it_is() -> None:
    shown = view(item("dear", "9.00"), item("stuck", "0.01", owner="you", problem="refused"))
    assert keys(shown) == ["cloud/stuck", "cloud/dear"]


def test_only_mine_and_adopted_is_shown_until_everything_is_asked_for() -> None:
    adopted = {Mark.ADOPTED: Marked("cloud", "b", Mark.ADOPTED, "", "me", AT)}
    items = item("a"), item("b", owner="you", marks=adopted), item("c", owner="you")
    assert keys(view(*items)) == ["cloud/a", "cloud/b"]
    assert keys(view(*items, everything=True)) == ["cloud/a", "cloud/b", "cloud/c"]


def test_live_runs_stand_first_then_the_dearest() -> None:
    runs = run("over", RunState.FAILED), run("old"), run("dear", hours_ago=3)
    shown = view(runs=runs, run_costs={"dear": Total(Decimal(5)), "over": Total(Decimal(9))})
    assert [each.id for each in shown.runs()] == ["dear", "old", "over"]


def test_a_run_that_ended_long_ago_is_left_out_until_everything_is_asked_for() -> None:
    runs = run("old", RunState.SUCCEEDED, hours_ago=25), run("new", RunState.SUCCEEDED)
    assert [each.id for each in view(runs=runs).runs()] == ["new"]
    assert [each.id for each in view(runs=runs, everything=True).runs()] == ["new", "old"]


@pytest.mark.parametrize(("order", "first"), [(Order.NEWEST, "b-new"), (Order.NAME, "a-old")])
def test_the_order_can_be_chosen(order: Order, first: str) -> None:
    runs = run("b-new", hours_ago=1), run("a-old", hours_ago=9)
    assert view(runs=runs, order=order).runs()[0].id == first


@pytest.mark.parametrize("needle", ["H100", "h100", "cloud/gpu", "gpu-1"])
def test_a_filter_looks_at_names_and_kinds_without_regard_to_case(needle: str) -> None:
    shown = view(item("gpu-1", gpu="H100", gpu_count=1), item("other"), needle=needle)
    assert keys(shown) == ["cloud/gpu-1"]


@pytest.mark.parametrize(
    ("total", "text"),
    [
        (None, "$0.00"),
        (Total(Decimal("0.0001")), "<$0.01"),
        (Total(Decimal("3.1")), "$3.10"),
        (Total(Decimal("3.1"), 2), "$3.10+?"),
        (Total(Decimal("3.1"), 0, Decimal(1)), "~$3.10"),
        (Total(unknown=1), "unknown"),
    ],
)
def test_a_sum_never_takes_an_unknown_price_for_zero(total: Total | None, text: str) -> None:
    assert cost(total) == text


@pytest.mark.parametrize("width", range(60, 260, 7))
def test_columns_fit_into_every_width(width: int) -> None:
    for columns in (run_columns(Snapshot(AT)), item_columns(Snapshot(AT))):
        fitted = fitting(columns, width)
        assert fitted[0][0] is columns[0], "the column that tells what a row is was left out"
        if width >= 78:
            assert sum(size + 1 for _, size in fitted) <= width


def money(snapshot: Snapshot, width: int = 200) -> str:
    return sentences.money(snapshot, "me", "|", width=width)


def test_money_says_how_many_unknown_prices_it_leaves_out() -> None:
    snapshot = Snapshot(AT, burn=Burn(Decimal(3), 1), today=Total(Decimal(5)), runs=(run("a"),))
    assert money(snapshot) == "now $3.00/h +1 unknown | today $5.00 | month $0.00 | 1 live run | 0 resources"


def test_on_a_narrow_screen_money_stays_and_counts_go() -> None:
    snapshot = Snapshot(AT, burn=Burn(Decimal(3)))
    assert money(snapshot, 50) == "now $3.00/h | today $0.00 | month $0.00"


@pytest.mark.parametrize(
    ("health", "text"),
    [
        (Health("c", answered_at=AT - timedelta(seconds=4)), "c 4 s ago"),
        (Health("c"), "c is asked"),
        (Health("c", asked_at=AT - timedelta(seconds=1)), "c is asked"),
        (Health("c", asked_at=AT - timedelta(seconds=9)), "! c: no answer for 9 s (never answered)"),
        (
            Health("c", answered_at=AT - timedelta(minutes=5), asked_at=AT - timedelta(seconds=9)),
            "! c: no answer for 9 s (known 5 min ago)",
        ),
        (
            Health("c", answered_at=AT - timedelta(minutes=5), problem="no key"),
            "! c failed (known 5 min ago): no key",
        ),
    ],
)
def test_each_provider_says_how_old_its_rows_are(health: Health, text: str) -> None:
    assert sentences.providers(Snapshot(AT, providers=(health,)), AT, "|") == text


def test_providers_that_do_not_answer_stand_first() -> None:
    healths = Health("good", answered_at=AT), Health("bad", problem="no key")
    assert sentences.providers(Snapshot(AT, providers=healths), AT, "|").startswith("! bad")


def sample(cpu: float, memory: int, gpu: float | None = None) -> Usage:
    return Usage(AT, cpu, memory, 1, gpu_percent=gpu, gpu_memory_bytes=None if gpu is None else 10**9)


def test_usage_is_drawn_as_bars_with_the_latest_figure() -> None:
    samples = sample(0, 10, 0), sample(50, 20, 50), sample(100, 40, 100)
    text = sentences.usage(run("a"), samples, BLOCKS, width=80)
    assert text == "GPU ▁▅█ 100 % 1.0 GB · CPU ▁▅█ 100 % · MEM ▃▅█ 40 B"


def test_a_run_without_usage_says_what_became_of_it() -> None:
    over = run("a", RunState.FAILED, reason="exit status 3")
    assert sentences.usage(over, (), BLOCKS, width=80) == "failed: exit status 3"


def test_the_log_names_the_newest_checkpoint_and_those_that_are_not_whole() -> None:
    at = AT - timedelta(seconds=5)
    whole = Checkpoint("/c/2", "pytorch", 400, None, 10, at, complete=True)
    damaged = Checkpoint("/c/1", "pytorch", 300, None, 10, at, complete=False)
    title = sentences.log_title(Watched("a", checkpoints=(whole, damaged)), AT, "|")
    assert title == "LOG a | 2 checkpoints, newest step 400, 5 s ago, 1 not whole"


def test_on_a_terminal_that_is_not_utf8_nothing_but_ascii_is_drawn() -> None:
    assert choose("ascii", {"TERM": "xterm"}) is ASCII
    assert choose("utf-8", {"TERM": "linux"}) is ASCII
    assert choose("UTF-8", {"TERM": "xterm"}) is BLOCKS
    assert sentences.usage(run("a"), (sample(0, 10), sample(100, 40)), ASCII, width=80).isascii()


def test_the_line_of_keys_fits_into_80_columns() -> None:
    assert len(keys_of_top.LINE) <= 80
