"""The processes of a job, each with what it uses now."""

from __future__ import annotations

import os
import time

from . import gpus, job_directory, processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MEASURED_S = 0.5
"""For how long processor time is measured."""

GPU_TIMEOUT_S = 3.0
LONGEST_COMMAND = 4096
"""Bytes of a command line that are told."""


def members(directory: str) -> list[dict[str, Any]] | None:
    """One row for each process of a job, by pid; None when no job was started there.

    A process that ends while we look is left out. Command lines are told, environments never are.

    Raises:
        OSError: The directory cannot be read or written.
    """
    if job_directory.check(directory) == "none":
        return None
    before, began = _look(job_directory.leftovers(directory)), time.monotonic()
    if not before:
        return []
    memory = _gpu_memory()
    time.sleep(max(0.0, began + MEASURED_S - time.monotonic()))
    after, took_s = _look(set(before)), time.monotonic() - began
    rows = []
    for pid, row in sorted(after.items()):
        start, used_s = row.pop("start"), row.pop("cpu_s") - before[pid]["cpu_s"]
        if start == before[pid]["start"]:
            row["cpu_percent"] = round(100 * max(0.0, used_s) / took_s, 1)
            rows.append({**row, "gpu_memory_bytes": memory.get(pid)})
    return rows


def _look(pids: set[int]) -> dict[int, dict[str, Any]]:
    return _from_proc(pids) if processes.LINUX else _from_ps(pids)


def _from_proc(pids: set[int]) -> dict[int, dict[str, Any]]:
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    up_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    found = {}
    for pid in pids:
        data = processes.slurp(f"/proc/{pid}/stat")
        f = data[data.rfind(b")") + 2 :].split()
        if len(f) < 22 or f[0] in (b"Z", b"X"):
            continue
        name = data[data.find(b"(") + 1 : data.rfind(b")")]
        command = processes.slurp(f"/proc/{pid}/cmdline")[:LONGEST_COMMAND].rstrip(b"\0")
        found[pid] = {
            "pid": pid,
            "parent": int(f[1]),
            "user": _user(pid),
            "command": [word.decode(errors="replace") for word in (command or name).split(b"\0")],
            "memory_bytes": int(f[21]) * page,
            "threads": int(f[17]),
            "elapsed_s": round(max(0.0, up_s - int(f[19]) / ticks), 1),
            "cpu_s": (int(f[11]) + int(f[12])) / ticks,
            "start": f[19],
        }
    return found


def _user(pid: int) -> str:
    """The owner's name, or number where the machine has no name for it; empty when it is gone."""
    import pwd

    try:
        uid = os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return ""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _from_ps(pids: set[int]) -> dict[int, dict[str, Any]]:
    """The same where there is no `/proc`; threads are not known there, and a command is one word."""
    form = "pid=,ppid=,user=,rss=,etime=,time=,command="
    found = {}
    with os.popen(f"ps -p {','.join(map(str, pids))} -ww -o {form}") as lines:  # noqa: S605
        for line in lines:
            f = line.split(None, 6)
            if len(f) == 7:
                pid = int(f[0])
                found[pid] = {
                    "pid": pid,
                    "parent": int(f[1]),
                    "user": f[2],
                    "command": [f[6].strip()[:LONGEST_COMMAND]],
                    "memory_bytes": int(f[3]) * 1024,
                    "threads": None,
                    "elapsed_s": processes.seconds(f[4]),
                    "cpu_s": processes.seconds(f[5]),
                    "start": "",
                }
    return found


def _gpu_memory() -> dict[int, int]:
    """Bytes on GPUs by pid, as `nvidia-smi` tells; a container's pids it does not know."""
    program = gpus.find_program(os.environ)
    if not program:
        return {}
    import subprocess

    query = [program, "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, stdout=subprocess.PIPE, timeout=GPU_TIMEOUT_S, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return {}
    found: dict[int, int] = {}
    for line in answer.decode(errors="replace").splitlines():
        pid, _, mib = (word.strip() for word in line.partition(","))
        if pid.isdigit() and mib.isdigit():
            found[int(pid)] = found.get(int(pid), 0) + (int(mib) << 20)
    return found
