"""What a job uses: samples of its processes, its disk and its GPUs, and whether it is at work."""

from __future__ import annotations

import os
import time
from collections import deque

from . import gpus, history, job_directory, machine, processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SAMPLE_S = 2.0
FIRST_SAMPLE_S = 0.5
BUSY_CORES = 0.02
BUSY_GPU_PERCENT = 5.0


class Meter:
    """Takes samples, keeps the latest in `usage.json`, and knows whether a job did nothing.

    `window_s` is for how long it must have done nothing to be idle, in seconds; 0 for never.
    """

    def __init__(
        self, directory: str, checkpoint_dir: str, environ: Mapping[str, str], window_s: float
    ) -> None:
        self._window_s = window_s
        self._path = os.path.join(directory, "usage.json")
        self._directory, self._checkpoint_dir = directory, checkpoint_dir
        self._counters: dict[str, float] = {}
        self._counted_at = 0.0
        self._boot = processes.boot_id()
        self._raw_cpu_s = self._cpu_s = 0.0
        self._window: deque[tuple[float, float]] = deque()
        self._log_bytes = 0
        self.gpu = gpus.GpuProbe(environ)
        self.reaped_cpu_s = 0.0
        self.begin(time.monotonic())

    def begin(self, now: float) -> None:
        """Count as busy until `now`, a moment of the monotonic clock; the first sample is near.

        Samples of the program before are forgotten: nobody is to judge the script by its set-up.
        """
        self._history = history.History()
        self._busy_at = now
        self._window.clear()
        self._window.append((now, self._cpu_s))
        self.due = now + FIRST_SAMPLE_S

    def sample(self, now: float, members: list[processes.Process], log_bytes: int) -> None:
        """Take a sample at `now`, of the monotonic clock. Raises OSError when it cannot be kept."""
        self.gpu.turn(now)
        then = self._window[-1][0]
        used_s = self._add_cpu(members)
        self._window.append((now, self._cpu_s))
        while len(self._window) > 1 and self._window[1][0] <= now - self._window_s:
            self._window.popleft()
        gpu_busy = self.gpu.figures.get("gpu_percent", 0.0) >= BUSY_GPU_PERCENT
        if log_bytes != self._log_bytes or gpu_busy:
            self._busy_at, self._log_bytes = now, log_bytes
        figures = {
            "cpu_percent": round(100 * used_s / max(now - then, 0.01), 1),
            "cpus": machine.cpus(),
            **self._memory_and_disk(members),
            **self._rates(members, now),
            **self.gpu.figures,
        }
        known = {name: value for name, value in figures.items() if value is not None}
        self._history.add({"at": time.time(), **known})
        pairs = [(p.pid, p.start) for p in members]
        value = {"boot": self._boot, "processes": pairs, "samples": self._history.rows}
        job_directory.write_json(self._path, value)

    def _memory_and_disk(self, members: list[processes.Process]) -> dict[str, int | None]:
        total, available = machine.memory()
        disk = os.statvfs(self._directory)
        return {
            "memory_bytes": sum(p.rss_bytes for p in members),
            "memory_total_bytes": total,
            "memory_available_bytes": available,
            "processes": len(members),
            "disk_free_bytes": disk.f_bavail * disk.f_frsize,
        }

    def _rates(self, members: list[processes.Process], now: float) -> dict[str, float]:
        """Bytes per second since the last sample; nothing where there is no count to compare with."""
        read, written = machine.disk(p.pid for p in members) or (None, None)
        received, sent = machine.network() or (None, None)
        counters = {
            "disk_read_bytes_per_s": read,
            "disk_write_bytes_per_s": written,
            "network_received_bytes_per_s": received,
            "network_sent_bytes_per_s": sent,
        }
        before, self._counters = self._counters, {k: v for k, v in counters.items() if v is not None}
        span_s, self._counted_at = max(now - self._counted_at, 0.01), now
        return {
            name: round(max(0.0, count - before[name]) / span_s, 1)  # a lost process takes its count along
            for name, count in self._counters.items()
            if name in before
        }

    def _add_cpu(self, members: list[processes.Process]) -> float:
        """Seconds of processor time since the last call; what a lost process had is not taken off."""
        raw_s = self.reaped_cpu_s + sum(p.cpu_s for p in members)
        used_s = max(0.0, raw_s - self._raw_cpu_s)
        self._raw_cpu_s, self._cpu_s = raw_s, self._cpu_s + used_s
        return used_s

    def idle(self) -> bool:
        """Whether neither log, checkpoints, GPUs nor processors moved for the window.

        It is judged as of the last sample: of what came after it, nothing is known.
        """
        now, window_s = self._window[-1][0], self._window_s
        if not window_s or min(now - self._busy_at, now - self._window[0][0]) < window_s:
            return False
        if self._cpu_s - self._window[0][1] >= BUSY_CORES * (now - self._window[0][0]):
            return False
        saved_ago_s = max(0.0, time.time() - newest_change(self._checkpoint_dir))
        self._busy_at = max(self._busy_at, now - saved_ago_s)
        return now - self._busy_at >= window_s


def newest_change(directory: str) -> float:
    """When anything under `directory` last changed, in Unix seconds; 0 when there is nothing."""
    newest, ahead = 0.0, [directory]
    while ahead:
        try:
            with os.scandir(ahead.pop()) as entries:
                for entry in entries:
                    newest = max(newest, entry.stat(follow_symlinks=False).st_ctime)
                    if entry.is_dir(follow_symlinks=False):
                        ahead.append(entry.path)
        except OSError:  # it vanished while we looked: that is a change of its folder
            continue
    return newest
