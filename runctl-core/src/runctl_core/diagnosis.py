"""What is wrong with what a run uses: samples and thresholds in, warnings out. Nothing is asked here.

Memory, disk and temperature are judged by the newest sample. GPUs are judged by their average over
some minutes: between two steps or epochs, every GPU rests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from runctl_core.models.jobs import Usage
from runctl_core.models.warnings import UsageWarning, WarningKind
from runctl_core.words import duration, size

if TYPE_CHECKING:
    from runctl_core.core_settings import CoreSettings

STALE = timedelta(minutes=10)
"""Samples whose newest is older tell nothing of now. Clocks of two machines differ by less."""

_GB = 10**9
_BUSY_PERCENT = 90.0
"""Of one processor: a script that uses less is not held up by its own work."""

_ALL_BUSY = 0.8
"""Share of all processors, from which on more of them are wanted and not more workers."""


def warnings(
    samples: Sequence[Usage], thresholds: CoreSettings, now: datetime, *, run: str
) -> list[UsageWarning]:
    """What should be mended, the most urgent first; empty when all is well or nothing is known.

    Args:
        samples: As `JobExecutor.usage` gives them, oldest first.
        thresholds: The settings `warn_…`; 0 turns one off.
        now: The present.
        run: The run's id, for the commands that mend.
    """
    if not samples or now - samples[-1].at > STALE:
        return []
    found = (
        _memory(samples, thresholds.warn_memory_above_percent),
        _disk(samples, thresholds.warn_disk_free_below_gb, run),
        _temperature(samples, thresholds.warn_gpu_temperature_above_c, run),
        _gpu(samples, thresholds.warn_gpu_below_percent, thresholds.warn_gpu_after_minutes, run),
    )
    return [warning for warning in found if warning is not None]


def memory_percent(sample: Usage) -> float | None:
    """How much of the machine's memory cannot be had any more, whoever has it."""
    if not sample.memory_total_bytes or sample.memory_available_bytes is None:
        return None
    return 100 * (1 - sample.memory_available_bytes / sample.memory_total_bytes)


def _memory(samples: Sequence[Usage], above: float) -> UsageWarning | None:
    percent = memory_percent(samples[-1])
    if not above or percent is None or percent <= above:
        return None
    total = samples[-1].memory_total_bytes or 0
    ours = f"{size(samples[-1].memory_bytes)} of {size(total)} by this run"
    return UsageWarning(
        WarningKind.MEMORY,
        f"memory is nearly full: {percent:.0f} % in use, {ours}",
        _since(samples, lambda sample: (memory_percent(sample) or 0.0) > above),
        round(percent, 1),
        above,
        "%",
        "take smaller batches or fewer loading workers; or a machine with more memory: runctl offers",
    )


def _disk(samples: Sequence[Usage], below_gb: float, run: str) -> UsageWarning | None:
    free = samples[-1].disk_free_bytes
    if free is None or free >= below_gb * _GB:
        return None
    return UsageWarning(
        WarningKind.DISK,
        f"the disk is nearly full: {size(free)} are free where the run writes",
        _since(samples, lambda s: s.disk_free_bytes is not None and s.disk_free_bytes < below_gb * _GB),
        round(free / _GB, 3),
        below_gb,
        "GB",
        f"runctl checkpoint prune {run}",
    )


def _temperature(samples: Sequence[Usage], above: float, run: str) -> UsageWarning | None:
    celsius = samples[-1].gpu_temperature_c
    if not above or celsius is None or celsius <= above:
        return None
    return UsageWarning(
        WarningKind.GPU_TEMPERATURE,
        f"a GPU is too hot: {celsius:.0f} °C, so it may slow down",
        _since(samples, lambda sample: (sample.gpu_temperature_c or 0.0) > above),
        round(celsius, 1),
        above,
        "°C",
        f"runctl exec {run} -- nvidia-smi -q -d PERFORMANCE tells whether it does; cool it, or move on",
    )


def _gpu(samples: Sequence[Usage], below: float, minutes: float, run: str) -> UsageWarning | None:
    points = _weighed([sample for sample in samples if sample.gpu_percent is not None])
    begin = samples[-1].at - timedelta(minutes=minutes)
    lately = [(s, min(seconds, (s.at - begin).total_seconds())) for s, seconds in points if s.at >= begin]
    if not lately or points[0][0].at > begin:
        return None
    busy = _average([(sample.gpu_percent or 0.0, seconds) for sample, seconds in lately])
    if busy >= below:
        return None
    cpu = _average([(sample.cpu_percent, seconds) for sample, seconds in lately])
    kind, what, fix = _cause(cpu, lately[-1][0].cpus, run)
    since = _low_since(points, begin, below)
    lasting = duration((samples[-1].at - since).total_seconds())
    message = f"the GPU {what}: {busy:.0f} % in use on average, for {lasting}"
    return UsageWarning(kind, message, since, round(busy, 1), below, "%", fix)


def _cause(cpu_percent: float, cpus: int | None, run: str) -> tuple[WarningKind, str, str]:
    """Why a GPU has little to do: kind, words, and what mends it."""
    if cpu_percent < _BUSY_PERCENT:
        fix = f"runctl logs {run} --tail 20 shows what it waits for; runctl stop {run} ends it"
        return WarningKind.GPU_IDLE, "is idle", fix
    if cpus is not None and cpu_percent >= _ALL_BUSY * 100 * cpus:
        what = f"waits for {cpus} busy processors" if cpus > 1 else "waits for the only processor"
        fix = "prepare the data beforehand; or take a machine with more processors: runctl offers"
        return WarningKind.GPU_STARVED, what, fix
    workers = "more workers" if cpus is None else f"up to {cpus} workers"
    fix = f"load data with {workers}, such as DataLoader(num_workers=…)"
    return WarningKind.GPU_STARVED, f"waits for the script's own {cpu_percent:.0f} % of processor", fix


def _since(samples: Sequence[Usage], holds: Callable[[Usage], bool]) -> datetime:
    """The moment of the earliest sample from which on it holds for all; it holds for the newest."""
    since = samples[-1].at
    for sample in reversed(samples):
        if not holds(sample):
            break
        since = sample.at
    return since


def _weighed(samples: Sequence[Usage]) -> list[tuple[Usage, float]]:
    """Each sample with the seconds that it is about: an older one stands for a whole minute."""
    before = [samples[0], *samples[:-1]] if samples else []
    spans = [(b.at - a.at).total_seconds() for a, b in zip(before, samples, strict=True)]
    return [(sample, max(0.0, span)) for sample, span in zip(samples, spans, strict=True)]


def _average(figures: Sequence[tuple[float, float]]) -> float:
    total_s = sum(seconds for _, seconds in figures)
    return sum(figure * seconds for figure, seconds in figures) / total_s if total_s else figures[-1][0]


def _low_since(points: Sequence[tuple[Usage, float]], begin: datetime, below: float) -> datetime:
    """How far back from `begin` the GPUs' average up to now stays low, each step of the way."""
    since, total_s, worked_s = points[-1][0].at, 0.0, 0.0
    for sample, seconds in reversed(points):
        total_s += seconds
        worked_s += seconds * (sample.gpu_percent or 0.0)
        if sample.at < begin and worked_s >= below * total_s:
            break
        since = sample.at
    return since
