"""What costs money and need not: each rule, what it costs a month, and what mends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.inventory_items import NOON, inventory, item, run
from runctl_core.cli import table
from runctl_core.inventory import Item
from runctl_core.inventory.insights import Facts, Finding, Insight, insights, worth
from runctl_core.models.jobs import Usage
from runctl_core.models.marks import Mark
from runctl_core.models.resources import ResourceState
from runctl_core.models.runs import RunState
from runctl_core.models.warnings import UsageWarning, WarningKind

GB = 10**9
LIVE = {"run": run()}


def found(*items: Item, **facts: Any) -> list[Insight]:
    return insights(inventory(*items), Facts("me", **facts), NOON)


def kinds(*items: Item, **facts: Any) -> set[str]:
    return {str(insight.finding) for insight in found(*items, **facts)}


def usage(*, minutes: int = 30, **figures: Any) -> dict[str, list[Usage]]:
    given = {"cpu_percent": 1.0, "memory_bytes": GB, "processes": 2, **figures}
    moments = [NOON - timedelta(minutes=ago) for ago in range(minutes, -1, -1)]
    return {"cloud/i-1": [Usage(at, **given) for at in moments]}


def warned(kind: WarningKind) -> dict[str, list[UsageWarning]]:
    return {"cloud/i-1": [UsageWarning(kind, "it is so", NOON, 1.0, 2.0, "%", "runctl logs calm-crab-11")]}


def test_a_machine_that_its_run_needs_has_no_findings() -> None:
    assert not found(item(**LIVE), usage=usage(cpu_percent=390.0))


def test_a_running_machine_without_a_run_is_idle() -> None:
    assert kinds(item()) == {"idle"}


def test_a_machine_whose_run_is_over_is_idle_though_it_is_kept() -> None:
    (insight,) = found(item(run=run(RunState.SUCCEEDED)))
    assert (insight.finding, insight.detail) == (Finding.IDLE, "calm-crab-11 is over")


def test_a_live_run_that_does_nothing_is_idle() -> None:
    assert "idle" in kinds(item(**LIVE), usage=usage())


def test_a_live_run_whose_gpu_works_is_not_idle() -> None:
    assert "idle" not in kinds(item(**LIVE), usage=usage(gpu_percent=80.0))


def test_a_short_rest_is_not_idleness() -> None:
    assert "idle" not in kinds(item(**LIVE), usage=usage(minutes=5))


def test_a_stopped_machine_that_bills_is_told() -> None:
    assert kinds(item(state=ResourceState.STOPPED)) == {"stopped"}


def test_a_stopped_machine_that_is_free_is_not() -> None:
    assert not found(item(state=ResourceState.STOPPED, usd="0"))


def test_a_volume_that_no_machine_has_is_told() -> None:
    assert kinds(item(kind="volume")) == {"unattached"}


def test_a_volume_that_a_machine_has_is_not() -> None:
    assert not found(item(kind="volume", attached_to="i-7"))


def test_a_machine_of_more_than_a_week_is_old() -> None:
    assert "old" in kinds(item(**LIVE, created_at=NOON - timedelta(days=7)))


def test_a_machine_that_is_past_its_end_is_told() -> None:
    ended = (NOON - timedelta(hours=1)).isoformat()
    (insight,) = found(item(**LIVE, tags={"runctl:expires": ended}))
    assert (insight.finding, insight.detail) == (Finding.EXPIRED, "its end was 1 h 0 min ago")


def test_a_machine_of_which_a_run_uses_little_is_oversized() -> None:
    big = item(**LIVE, vcpus=64, memory_bytes=256 * GB)
    (insight,) = found(big, usage=usage(cpu_percent=150.0))
    assert insight.detail == "its run uses 1.5 of 64 processors and 1.0 GB of 256.0 GB"


@pytest.mark.parametrize(
    "size", [{}, {"vcpus": 2, "memory_bytes": 256 * GB}, {"vcpus": 64, "memory_bytes": GB}]
)
def test_a_machine_that_is_used_or_of_unknown_size_is_not_oversized(size: dict[str, int]) -> None:
    assert "oversized" not in kinds(item(**LIVE, **size), usage=usage(cpu_percent=150.0))


def test_a_machine_that_is_cheaper_as_spot_is_told() -> None:
    (insight,) = found(item(**LIVE, instance_type="large"), spot={("cloud", "large"): Decimal("0.60")})
    assert (insight.finding, insight.detail) == (Finding.SPOT, "$0.60/h as spot, not $2.00/h")


@pytest.mark.parametrize("fields", [{"spot": True}, {"usd": "0.60"}, {"usd": None}])
def test_a_machine_that_would_not_be_cheaper_as_spot_is_not(fields: dict[str, Any]) -> None:
    machine = item(**LIVE, **fields, instance_type="large")
    assert "spot" not in kinds(machine, spot={("cloud", "large"): Decimal("0.60")})


def test_what_carries_neither_owner_nor_project_is_told_until_it_is_adopted() -> None:
    stranger: dict[str, Any] = {"kind": "snapshot", "managed": False}
    assert kinds(item(**stranger)) == {"untagged"}
    assert not found(item(**stranger, marks=(Mark.ADOPTED,)))


def test_a_warning_of_what_a_run_uses_is_told_also_of_a_free_machine() -> None:
    assert kinds(item(**LIVE, usd="0"), warnings=warned(WarningKind.MEMORY)) == {"usage"}


def test_an_idle_gpu_is_told_once() -> None:
    idle = found(item(**LIVE), usage=usage(), warnings=warned(WarningKind.GPU_IDLE))
    assert [i.finding for i in idle].count(Finding.IDLE) == 1


def test_what_is_ignored_has_no_findings() -> None:
    assert not found(item(marks=(Mark.IGNORED,), created_at=NOON - timedelta(days=30)))


@pytest.mark.parametrize("state", [ResourceState.RUNNING, ResourceState.STOPPED])
def test_nobody_is_told_to_delete_what_is_protected(state: ResourceState) -> None:
    assert not found(item(marks=(Mark.PROTECTED,), state=state, created_at=NOON - timedelta(days=30)))


def test_a_month_has_730_hours() -> None:
    assert [insight.monthly_usd for insight in found(item(usd="0.10"))] == [Decimal("73.00")]


def test_an_unknown_price_is_no_price_of_a_month() -> None:
    assert [insight.monthly_usd for insight in found(item(usd=None))] == [None]


def test_a_resource_with_two_findings_is_counted_once_in_the_sum() -> None:
    twice = found(item(created_at=NOON - timedelta(days=30)), item("i-2", usd=None))
    assert len(twice) == 3
    assert worth(twice) == (Decimal("1460.00"), 1)


MENDED: dict[str, tuple[Callable[[], list[Insight]], str]] = {
    "a live run is stopped": (lambda: found(item(**LIVE), usage=usage()), "runctl stop calm-crab-11"),
    "what runctl made is cleaned up": (lambda: found(item()), "runctl resources cleanup cloud/i-1"),
    "another owner's is adopted first": (
        lambda: found(item(tags={"runctl:owner": "you"})),
        "runctl adopt cloud/i-1",
    ),
    "what an unknown run has is adopted first": (
        lambda: found(item(tags={"runctl:run": "bold-finch-18"})),
        "runctl adopt cloud/i-1",
    ),
    "what was adopted is cleaned up": (
        lambda: found(item(marks=(Mark.ADOPTED,), managed=False)),
        "runctl resources cleanup cloud/i-1",
    ),
    "what it did not make is adopted first": (
        lambda: found(item(kind="volume", managed=False)),
        "runctl adopt cloud/i-1",
    ),
    "a smaller machine is looked for": (
        lambda: found(item(**LIVE, vcpus=64, memory_bytes=256 * GB), usage=usage(cpu_percent=150.0)),
        "runctl offers --provider cloud --max-price 2.00",
    ),
    "a spot machine is looked for": (
        lambda: found(item(**LIVE, instance_type="large"), spot={("cloud", "large"): Decimal(1)}),
        "runctl offers --provider cloud --instance-type large --spot",
    ),
}


@pytest.mark.parametrize("case", MENDED)
def test_the_command_that_mends_it_is_named(case: str) -> None:
    made, expected = MENDED[case]
    assert made()[0].fix == expected


@pytest.mark.parametrize("case", MENDED)
def test_the_command_that_mends_it_exists(case: str) -> None:
    words = MENDED[case][1].split()[1:]
    assert table.find(words), f"runctl {' '.join(words)}: no such command"
