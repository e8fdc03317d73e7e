"""What a run uses, in words: a row for each kind of thing, and only what somebody could tell."""

from __future__ import annotations

from runctl_core.models.jobs import Usage
from runctl_core.words import count, size


def usage_in_words(sample: Usage) -> list[tuple[str, str]]:
    """`("using", "180 % of 8 processors, 3.2 GB memory, 5 processes")`, then GPU, disk, network."""
    rows = (
        ("using", [_processors(sample), _memory(sample), count(sample.processes, "process")]),
        ("gpu", _gpu(sample)),
        ("disk", _disk(sample)),
        ("network", _network(sample)),
    )
    return [(name, ", ".join(parts)) for name, parts in rows if parts]


def _processors(sample: Usage) -> str:
    of = f" of {count(sample.cpus, 'processor')}" if sample.cpus else ""
    return f"{sample.cpu_percent:.0f} %{of or ' CPU'}"


def _memory(sample: Usage) -> str:
    return f"{size(sample.memory_bytes)}{_of(sample.memory_total_bytes)} memory"


def _gpu(sample: Usage) -> list[str]:
    parts = [] if sample.gpu_percent is None else [f"{sample.gpu_percent:.0f} %"]
    if sample.gpu_memory_bytes is not None:
        parts += [f"{size(sample.gpu_memory_bytes)}{_of(sample.gpu_memory_total_bytes)} memory"]
    parts += [] if sample.gpu_temperature_c is None else [f"{sample.gpu_temperature_c:.0f} °C"]
    return parts + ([] if sample.gpu_power_w is None else [f"{sample.gpu_power_w:.0f} W"])


def _disk(sample: Usage) -> list[str]:
    parts = [] if sample.disk_free_bytes is None else [f"{size(sample.disk_free_bytes)} free"]
    return parts + _rates(sample.disk_read_bytes_per_s, "read", sample.disk_write_bytes_per_s, "written")


def _network(sample: Usage) -> list[str]:
    received, sent = sample.network_received_bytes_per_s, sample.network_sent_bytes_per_s
    parts = _rates(received, "received", sent, "sent")
    return [*parts, "by the whole machine"] if parts else []


def _rates(inward: float | None, came: str, outward: float | None, went: str) -> list[str]:
    if inward is None or outward is None:
        return []
    return [f"{size(inward)}/s {came}", f"{size(outward)}/s {went}"]


def _of(total_bytes: int | None) -> str:
    return f" of {size(total_bytes)}" if total_bytes else ""
