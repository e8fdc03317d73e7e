"""The samples that are kept: the latest as they were taken, older ones a minute or so in one.

So an hour can be judged, and the file stays small enough to be written every other second.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TOGETHER = 30
"""How many samples become one: a minute's, at one every two seconds."""

OLD_KEPT = 60
_WORST = {
    "memory_bytes": max,
    "memory_available_bytes": min,
    "processes": max,
    "disk_free_bytes": min,
    "gpu_memory_bytes": max,
    "gpu_temperature_c": max,
}
_LATEST = ("at", "cpus", "memory_total_bytes", "gpu_memory_total_bytes")


class History:
    """Samples, oldest first in `rows`. Each is about the time since the one before."""

    def __init__(self) -> None:
        self._old: list[dict[str, Any]] = []
        self._new: list[dict[str, Any]] = []

    def add(self, sample: dict[str, Any]) -> None:
        """Keep one more."""
        self._new.append(sample)
        if len(self._new) >= 2 * TOGETHER:
            self._old.append(together(self._new[:TOGETHER]))
            del self._new[:TOGETHER], self._old[:-OLD_KEPT]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All that are kept."""
        return self._old + self._new


def together(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Several samples as one, of the moment of the last: the mean, the worst, or the latest figure."""
    row = {}
    for name in {name for sample in samples for name in sample}:
        values = [sample[name] for sample in samples if name in sample]
        if name in _LATEST:
            row[name] = values[-1]
        elif name in _WORST:
            row[name] = _WORST[name](values)
        else:
            row[name] = round(sum(values) / len(values), 1)
    return row
