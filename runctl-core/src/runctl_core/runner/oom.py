"""Whether the kernel killed something for want of memory: its counters, before and after."""

from __future__ import annotations

import os
import signal

from . import machine, processes


def kills() -> tuple[int, int]:
    """How often the kernel did so in our control group, and on the whole machine, so far."""
    group = 0
    for mount, path in machine.groups("memory"):
        group += _counter(f"{mount}{path}/memory.events") + _counter(f"{mount}{path}/memory.oom_control")
    return group, _counter("/proc/vmstat")


def _counter(path: str) -> int:
    lines = processes.slurp(path).decode().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def caused(status: int, before: tuple[int, int], after: tuple[int, int]) -> bool:
    """Whether a wait status is explained by kills between two counts.

    A killed script may have been any of the machine's; one that failed after one of its processes
    was killed (a data loader, say) is explained by a kill in its own control group only.
    """
    code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    if code == 128 + signal.SIGKILL:
        return after[0] > before[0] or after[1] > before[1]
    return code != 0 and after[0] > before[0]
