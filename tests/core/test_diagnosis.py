"""What samples are warned of, and what mends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from runctl_core.core_settings import CoreSettings
from runctl_core.diagnosis import warnings
from runctl_core.models.jobs import Usage
from runctl_core.models.warnings import UsageWarning, WarningKind

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
GB = 10**9
WELL = Usage(
    NOW,
    cpu_percent=300.0,
    memory_bytes=20 * GB,
    processes=4,
    disk_free_bytes=500 * GB,
    gpu_percent=95.0,
    cpus=8,
    memory_total_bytes=64 * GB,
    memory_available_bytes=40 * GB,
    gpu_temperature_c=70.0,
)
THRESHOLDS = CoreSettings()


def series(minutes: float, step_s: float = 2.0, **figures: Any) -> list[Usage]:
    """Samples up to now, that many minutes of them."""
    count = int(minutes * 60 / step_s)
    return [evolve(WELL, at=NOW - timedelta(seconds=step_s * n), **figures) for n in range(count, -1, -1)]


def told(samples: list[Usage], thresholds: CoreSettings = THRESHOLDS) -> list[UsageWarning]:
    return warnings(samples, thresholds, NOW, run="brave-otter-41")


def only(samples: list[Usage]) -> UsageWarning:
    (warning,) = told(samples)
    return warning


def test_a_run_that_does_well_is_left_in_peace() -> None:
    assert told(series(10)) == []


def test_nothing_known_is_nothing_wrong() -> None:
    assert told([]) == []
    assert told([Usage(NOW - timedelta(minutes=n), 0.0, 0, 1) for n in range(9, -1, -1)]) == []


def test_memory_that_nobody_can_have_any_more_is_warned_of_at_once() -> None:
    samples = [*series(1), evolve(WELL, memory_available_bytes=4 * GB)]
    warning = only(samples)
    assert warning.kind is WarningKind.MEMORY
    assert (warning.figure, warning.threshold, warning.unit) == (93.8, 90.0, "%")
    assert "94 %" in warning.message
    assert "20.0 GB of 64.0 GB" in warning.message


@pytest.mark.parametrize(
    "figures",
    [
        {"memory_available_bytes": 64 * GB // 10},
        {"disk_free_bytes": 5 * GB},
        {"gpu_temperature_c": 87.0},
        {"gpu_percent": 20.0},
    ],
)
def test_what_is_just_at_a_threshold_is_not_warned_of(figures: dict[str, Any]) -> None:
    assert told(series(6, **figures)) == []


def test_a_disk_that_fills_is_warned_of_since_it_is_too_full() -> None:
    fills = [
        evolve(WELL, at=NOW - timedelta(minutes=n), disk_free_bytes=(n + 2) * GB) for n in range(9, -1, -1)
    ]
    warning = only(fills)
    assert warning.kind is WarningKind.DISK
    assert warning.since == NOW - timedelta(minutes=2), "the first moment with less than 5 GB"
    assert warning.fix == "runctl checkpoint prune brave-otter-41"
    assert (warning.figure, warning.unit) == (2.0, "GB")


def test_a_hot_gpu_is_warned_of() -> None:
    warning = only([*series(6), evolve(WELL, gpu_temperature_c=91.0)])
    assert warning.kind is WarningKind.GPU_TEMPERATURE
    assert (warning.figure, warning.threshold, warning.unit) == (91.0, 87.0, "°C")
    assert warning.since == NOW


def test_a_gpu_without_any_work_is_idle() -> None:
    warning = only(series(8, gpu_percent=0.0, cpu_percent=3.0))
    assert warning.kind is WarningKind.GPU_IDLE
    assert warning.since == NOW - timedelta(minutes=8)
    assert "8 min" in warning.message
    assert "runctl stop brave-otter-41" in warning.fix


def test_a_gpu_beside_a_busy_script_waits_for_more_workers() -> None:
    warning = only(series(6, gpu_percent=12.0, cpu_percent=104.0))
    assert warning.kind is WarningKind.GPU_STARVED
    assert "up to 8 workers" in warning.fix


@pytest.mark.parametrize(("cpus", "cpu_percent"), [(8, 790.0), (1, 99.0)])
def test_a_gpu_beside_busy_processors_waits_for_more_of_them(cpus: int, cpu_percent: float) -> None:
    warning = only(series(6, gpu_percent=12.0, cpus=cpus, cpu_percent=cpu_percent))
    assert warning.kind is WarningKind.GPU_STARVED
    assert "processors: runctl offers" in warning.fix


def test_a_gpu_that_rests_between_epochs_is_not_idle() -> None:
    works = series(10)
    for n in range(0, len(works), 3):
        works[n] = evolve(works[n], gpu_percent=0.0)
    assert told(works) == []
    works[-30:] = [evolve(sample, gpu_percent=0.0) for sample in works[-30:]]
    assert told(works) == [], "one quiet minute is no idle GPU"


def test_one_burst_does_not_hide_an_idle_gpu() -> None:
    samples = series(10, gpu_percent=0.0, cpu_percent=3.0)
    samples[-5] = evolve(samples[-5], gpu_percent=100.0)
    warning = only(samples)
    assert warning.since == NOW - timedelta(minutes=10)
    assert 0 < warning.figure < 2


def test_a_gpu_is_not_judged_before_it_had_its_time() -> None:
    assert told(series(4.9, gpu_percent=0.0)) == []
    assert only(series(5, gpu_percent=0.0)).kind is WarningKind.GPU_STARVED


def test_a_gpu_is_idle_since_it_stopped_working() -> None:
    before = [evolve(sample, at=sample.at - timedelta(minutes=7)) for sample in series(20)]
    warning = only([*before[:-1], *series(7, gpu_percent=0.0, cpu_percent=0.0)])
    assert timedelta(minutes=7) <= NOW - warning.since < timedelta(minutes=9)


def test_an_older_sample_counts_for_the_whole_minute_that_it_stands_for() -> None:
    old = [evolve(WELL, at=NOW - timedelta(minutes=n), gpu_percent=0.0) for n in range(60, 0, -1)]
    new = [evolve(sample, gpu_percent=80.0) for sample in series(59 / 60)]
    assert only([*old, *new]).figure == pytest.approx(16, abs=0.6), "one minute of five is a fifth"


def test_samples_of_long_ago_tell_nothing_of_now() -> None:
    full = [evolve(WELL, at=NOW - timedelta(minutes=11), disk_free_bytes=0)]
    assert told(full) == []


@pytest.mark.parametrize(
    "name",
    [
        "warn_memory_above_percent",
        "warn_disk_free_below_gb",
        "warn_gpu_temperature_above_c",
        "warn_gpu_below_percent",
    ],
)
def test_zero_turns_one_warning_off(name: str) -> None:
    bad = series(
        6, memory_available_bytes=0, disk_free_bytes=0, gpu_temperature_c=99.0, gpu_percent=0.0, cpu_percent=0
    )
    kinds = {warning.kind for warning in told(bad)}
    less = {warning.kind for warning in told(bad, evolve(THRESHOLDS, **{name: 0.0}))}
    assert len(kinds) == 4
    assert len(less) == 3


FIGURES = st.one_of(st.none(), st.floats(0, 1e6))
SIZES = st.one_of(st.none(), st.integers(0, 1 << 50))


@given(
    st.lists(
        st.builds(
            Usage,
            at=st.datetimes(datetime(2026, 11, 24, 11), datetime(2026, 11, 24, 13)).map(
                lambda at: at.replace(tzinfo=UTC)
            ),
            cpu_percent=st.floats(0, 1e6),
            memory_bytes=st.integers(0, 1 << 50),
            processes=st.integers(0, 9),
            disk_free_bytes=SIZES,
            gpu_percent=FIGURES,
            cpus=st.one_of(st.none(), st.integers(1, 200)),
            memory_total_bytes=SIZES,
            memory_available_bytes=SIZES,
            gpu_temperature_c=FIGURES,
        ),
        max_size=20,
    )
)
def test_whatever_the_samples_say_every_warning_can_be_shown(samples: list[Usage]) -> None:
    for warning in told(samples):
        assert warning.since in [sample.at for sample in samples]
        assert warning.message.isprintable()
        assert warning.fix
