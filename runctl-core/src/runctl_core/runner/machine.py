"""What the kernel counts: processors, memory and network of this machine, disk traffic of processes.

A machine's memory and processors are no more than its control group lets a job have: a container's
limit counts, not the host's size. What the kernel does not tell is None.
"""

from __future__ import annotations

import os

from . import processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WITHIN = ("docker", "veth", "br-", "virbr", "cni", "cali", "flannel")
"""Beginnings of interfaces that carry traffic a second time, between containers and the real one."""


def groups(controller: str, root: str = "") -> Iterator[tuple[str, str]]:
    """The mount of each hierarchy that has `controller`, and our group's path in it, from `/` on."""
    for line in processes.slurp(f"{root}/proc/self/cgroup").decode().splitlines():
        _, kinds, path = line.split(":", 2)
        if not kinds:
            yield f"{root}/sys/fs/cgroup", path
        elif controller in kinds.split(","):
            yield f"{root}/sys/fs/cgroup/{controller}", path


def _folders(controller: str, root: str) -> Iterator[str]:
    """Our group's folder and all above it: each may set a limit."""
    for mount, path in groups(controller, root):
        while path not in ("", "/"):
            yield mount + path
            path = os.path.dirname(path)
        yield mount


def memory(root: str = "") -> tuple[int | None, int | None]:
    """Total and available bytes. Available is what can be had without swapping."""
    info = _table(f"{root}/proc/meminfo", 1024)
    total, available = info.get("MemTotal:"), info.get("MemAvailable:")
    if total is None or available is None:
        return total, available
    for folder in _folders("memory", root):
        limit = _first(folder, "memory.max", "memory.limit_in_bytes")
        used = _first(folder, "memory.current", "memory.usage_in_bytes")
        if limit is not None and used is not None and limit < info["MemTotal:"]:
            stat = _table(f"{folder}/memory.stat", 1)
            cached = stat.get("total_inactive_file", stat.get("inactive_file", 0))
            total = min(total, limit)
            available = max(0, min(available, limit - used + cached))
    return total, available


def cpus(root: str = "") -> int:
    """How many processors a job may keep busy."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        count = os.cpu_count() or 1
    for folder in _folders("cpu", root):
        quota, period = (*processes.slurp(f"{folder}/cpu.max").split(), b"", b"")[:2]
        if not quota:
            quota = processes.slurp(f"{folder}/cpu.cfs_quota_us").strip()
            period = processes.slurp(f"{folder}/cpu.cfs_period_us").strip()
        if quota.isdigit() and period.isdigit() and int(period):
            count = min(count, -(-int(quota) // int(period)))  # a part of one is one
    return count


def network(root: str = "") -> tuple[int, int] | None:
    """Bytes that the whole machine has received and sent so far, whoever did."""
    received, sent, seen = 0, 0, False
    for line in processes.slurp(f"{root}/proc/net/dev").decode().splitlines():
        name, colon, rest = line.partition(":")
        name, counts = name.strip(), rest.split()
        if colon and len(counts) > 8 and name != "lo" and not name.startswith(_WITHIN):
            received, sent, seen = received + int(counts[0]), sent + int(counts[8]), True
    return (received, sent) if seen else None


def disk(pids: Iterable[int], root: str = "") -> tuple[int, int] | None:
    """Bytes that processes have had read from and written to disks so far.

    What came from the page cache is not in it. A parent has those of the children that it reaped.
    """
    read, written, seen = 0, 0, False
    for pid in pids:
        counts = _table(f"{root}/proc/{pid}/io", 1)
        if "read_bytes:" in counts and "write_bytes:" in counts:
            read, written, seen = read + counts["read_bytes:"], written + counts["write_bytes:"], True
    return (read, written) if seen else None


def _table(path: str, unit: int) -> dict[str, int]:
    rows = [line.split() for line in processes.slurp(path).decode(errors="replace").splitlines()]
    return {row[0]: int(row[1]) * unit for row in rows if len(row) > 1 and row[1].isdigit()}


def _first(folder: str, *names: str) -> int | None:
    """The number in the first of the files that is there; None for no number, such as `max`."""
    for name in names:
        text = processes.slurp(f"{folder}/{name}").strip()
        if text:
            return int(text) if text.isdigit() else None
    return None
