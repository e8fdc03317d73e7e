"""Samples of older and of later runners are read, and damage is told from them."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runctl_core.models.jobs import Usage
from runctl_core.runner_executor import RunnerExecutor
from runctl_core.transport.local import LocalTransport

OLD = {
    "at": 1700000000.5,
    "cpu_percent": 99.5,
    "memory_bytes": 5,
    "processes": 2,
    "disk_free_bytes": 7,
    "gpu_percent": None,
    "gpu_memory_bytes": None,
}


def read(folder: Path, *samples: dict[str, Any]) -> list[Usage]:
    (folder / "otter-1").mkdir()
    text = json.dumps({"boot": "x", "processes": [], "samples": samples})
    (folder / "otter-1" / "usage.json").write_text(text)
    return list(RunnerExecutor(LocalTransport(), str(folder)).usage("otter-1"))


def test_samples_of_an_older_runner_are_read_with_the_rest_unknown(tmp_path: Path) -> None:
    (sample,) = read(tmp_path, OLD)
    assert sample.at == datetime.fromtimestamp(1700000000.5, UTC)
    assert (sample.cpu_percent, sample.memory_bytes, sample.processes) == (99.5, 5, 2)
    assert sample.disk_free_bytes == 7
    assert sample.gpu_temperature_c is sample.memory_total_bytes is sample.cpus is None


def test_what_a_later_runner_tells_beyond_us_is_passed_over(tmp_path: Path) -> None:
    (sample,) = read(tmp_path, {**OLD, "gpu_power_w": 70.0, "fans": [1, 2], "rack": "north"})
    assert sample.gpu_power_w == 70.0


def test_a_sample_says_nothing_of_what_its_machine_does_not_tell(tmp_path: Path) -> None:
    least = {name: OLD[name] for name in ("at", "cpu_percent", "memory_bytes", "processes")}
    (sample,) = read(tmp_path, least)
    assert sample.disk_free_bytes is None, "an unknown disk would be taken for a full one"


@pytest.mark.parametrize(
    "damage",
    [{"cpu_percent": "much"}, {"at": None}, {"at": 1e300}, {"processes": None}, {"gpu_percent": [1]}],
)
def test_damaged_samples_are_no_samples(tmp_path: Path, damage: dict[str, Any]) -> None:
    assert read(tmp_path, {**OLD, **damage}) == []


def test_every_figure_that_the_runner_takes_is_one_that_we_read(tmp_path: Path) -> None:
    from runctl_core.runner.usage import Meter

    meter = Meter(str(tmp_path), str(tmp_path), {}, 0.0)
    meter.gpu.figures = dict.fromkeys(
        ("gpu_percent", "gpu_memory_bytes", "gpu_memory_total_bytes", "gpu_temperature_c", "gpu_power_w"), 1
    )
    meter.sample(1.0, [], 0)
    meter.sample(2.0, [], 0)
    taken = json.loads((tmp_path / "usage.json").read_text())["samples"][-1]
    (tmp_path / "usage.json").rename(tmp_path / "kept.json")
    os.makedirs(tmp_path / "slot")
    (sample,) = read(tmp_path / "slot", taken)
    unread = [name for name in taken if name != "at" and getattr(sample, name, None) != taken[name]]
    assert not unread, "the runner measures what nobody sees"
