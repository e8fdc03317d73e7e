"""What a job's GPUs do, as `nvidia-smi` tells it."""

from __future__ import annotations

import os
import signal

from . import processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

EVERY_S = 10.0
TIMEOUT_S = 8.0
QUERY = "utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw"
_NONE_VISIBLE = ("", "-1", "none", "void")


class GpuProbe:
    """Asks `nvidia-smi` now and then, as a child that nobody waits for.

    The GPUs are those of `CUDA_VISIBLE_DEVICES`, and all where that is not set. `pid` is the child,
    0 when there is none; whoever reaps it calls `ended`. `figures` are the latest answer's.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        devices = environ.get("CUDA_VISIBLE_DEVICES")
        self._only = [] if devices is None else [f"--id={devices}"]
        self._program = "" if devices in _NONE_VISIBLE else find_program(environ)
        self._output, self._due, self._kill_at = -1, 0.0, 0.0
        self.pid = 0
        self.figures: dict[str, Any] = {}

    def turn(self, now: float) -> None:
        """Begin a question when one is due; end one that takes too long."""
        if self.pid and now > self._kill_at:
            processes.send([self.pid], signal.SIGKILL)
        elif self._program and not self.pid and now >= self._due:
            self._due, self._kill_at = now + EVERY_S, now + TIMEOUT_S
            self._ask()

    def _ask(self) -> None:
        self._output, theirs = os.pipe()
        argv = ["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv,noheader,nounits", *self._only]
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.dup2(theirs, 1)
                os.execv(self._program, argv)  # noqa: S606
            finally:
                os._exit(127)
        os.close(theirs)

    def ended(self) -> None:
        """Take the answer of the child, which has just been reaped."""
        answer = os.read(self._output, 1 << 16).decode(errors="replace")
        os.close(self._output)
        self.pid = 0
        self.figures = parse(answer)


def find_program(environ: Mapping[str, str]) -> str:
    """The path of `nvidia-smi`; empty when there is none."""
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, "nvidia-smi")
        if os.access(path, os.X_OK):
            return path
    return ""


def parse(answer: str) -> dict[str, Any]:
    """All the GPUs' figures together; what is not known of them is left out.

    Utilisation is their mean, temperature that of the hottest. Memory and power are sums, and so
    unknown when one of them does not tell.
    """
    rows = [[_number(cell) for cell in line.split(",")] for line in answer.splitlines() if line.strip()]
    columns = [[row[n] if n < len(row) else None for row in rows] for n in range(5)]
    busy, used_mib, total_mib, celsius, watts = columns
    found = {
        "gpu_percent": _of_some(_mean, busy),
        "gpu_memory_bytes": _bytes(_of_all(used_mib)),
        "gpu_memory_total_bytes": _bytes(_of_all(total_mib)),
        "gpu_temperature_c": _of_some(max, celsius),
        "gpu_power_w": _of_all(watts),
    }
    return {name: value for name, value in found.items() if value is not None}


def _number(cell: str) -> float | None:
    """`[N/A]`, `[Not Supported]` and whole sentences are no number; neither is `nan`."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if 0 <= value < 1e12 else None


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 1)


def _of_some(figure: Callable[[Sequence[float]], float], cells: Sequence[float | None]) -> float | None:
    known = [cell for cell in cells if cell is not None]
    return figure(known) if known else None


def _of_all(cells: Sequence[float | None]) -> float | None:
    known = [cell for cell in cells if cell is not None]
    return round(sum(known), 1) if known and len(known) == len(cells) else None


def _bytes(mib: float | None) -> int | None:
    return None if mib is None else int(mib) << 20
