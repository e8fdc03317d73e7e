"""What a job uses: samples of its processes, its disk and its GPUs, and whether it is at work."""

from __future__ import annotations

import os
import signal
import time
from collections import deque

from . import job_directory, processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SAMPLE_S = 2.0
FIRST_SAMPLE_S = 0.5
SAMPLES_KEPT = 120
GPU_EVERY_S = 10.0
GPU_TIMEOUT_S = 8.0
BUSY_CORES = 0.02
BUSY_GPU_PERCENT = 5.0


class GpuProbe:
    """Asks `nvidia-smi` now and then, as a child that nobody waits for.

    `pid` is that child, 0 when there is none; whoever reaps it calls `ended`.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._devices = environ.get("CUDA_VISIBLE_DEVICES", "")
        wanted = self._devices not in ("", "-1")
        self._program = _on_path("nvidia-smi", environ) if wanted else ""
        self._output, self._due, self._kill_at = -1, 0.0, 0.0
        self.pid = 0
        self.percent: float | None = None
        self.memory_bytes: int | None = None

    def turn(self, now: float) -> None:
        """Begin a question when one is due; end one that takes too long."""
        if self.pid and now > self._kill_at:
            processes.send([self.pid], signal.SIGKILL)
        elif self._program and not self.pid and now >= self._due:
            self._due, self._kill_at = now + GPU_EVERY_S, now + GPU_TIMEOUT_S
            self._ask()

    def _ask(self) -> None:
        self._output, theirs = os.pipe()
        query = "--query-gpu=utilization.gpu,memory.used"
        form = "--format=csv,noheader,nounits"
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.dup2(theirs, 1)
                os.execv(self._program, ["nvidia-smi", query, form, f"--id={self._devices}"])  # noqa: S606
            finally:
                os._exit(127)
        os.close(theirs)

    def ended(self) -> None:
        """Take the answer of the child, which has just been reaped."""
        answer = os.read(self._output, 1 << 16).decode(errors="replace")
        os.close(self._output)
        self.pid = 0
        self.percent, self.memory_bytes = parse_gpus(answer)


def parse_gpus(answer: str) -> tuple[float | None, int | None]:
    """Mean utilisation and total memory in bytes of `nvidia-smi`'s lines; None when unknown."""
    rows = [line.split(",") for line in answer.splitlines()]
    try:
        busy = [float(row[0]) for row in rows]
        mib = [float(row[1]) for row in rows]
    except (ValueError, IndexError):
        return None, None
    return (sum(busy) / len(busy), int(sum(mib)) << 20) if rows else (None, None)


def _on_path(program: str, environ: Mapping[str, str]) -> str:
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, program)
        if os.access(path, os.X_OK):
            return path
    return ""


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
        self._samples: deque[dict[str, Any]] = deque(maxlen=SAMPLES_KEPT)
        self._boot = processes.boot_id()
        self._raw_cpu_s = self._cpu_s = 0.0
        self._window: deque[tuple[float, float]] = deque()
        self._log_bytes = 0
        self.gpu = GpuProbe(environ)
        self.reaped_cpu_s = 0.0
        self.begin(time.monotonic())

    def begin(self, now: float) -> None:
        """Count as busy until `now`, a moment of the monotonic clock; the first sample is near."""
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
        if log_bytes != self._log_bytes or (self.gpu.percent or 0.0) >= BUSY_GPU_PERCENT:
            self._busy_at, self._log_bytes = now, log_bytes
        disk = os.statvfs(self._directory)
        self._samples.append(
            {
                "at": time.time(),
                "cpu_percent": round(100 * used_s / max(now - then, 0.01), 1),
                "memory_bytes": sum(p.rss_bytes for p in members),
                "processes": len(members),
                "disk_free_bytes": disk.f_bavail * disk.f_frsize,
                "gpu_percent": self.gpu.percent,
                "gpu_memory_bytes": self.gpu.memory_bytes,
            }
        )
        pairs = [(p.pid, p.start) for p in members]
        value = {"boot": self._boot, "processes": pairs, "samples": list(self._samples)}
        job_directory.write_json(self._path, value)

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
