"""Which processes a machine has, which of them belong to a job, and how they are ended."""

from __future__ import annotations

import os
import signal
import sys
import time

TYPE_CHECKING = False  # `typing` costs 5 ms, and the script waits for us
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MARKER = "RUNCTL_JOB"
"""The variable that each process of a job has in its environment: the job's directory."""

UNKILLABLE_S = 30.0
"""Seconds after which a process that survives SIGKILL is given up."""

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LINUX = sys.platform.startswith("linux")


class Process:
    """One process of this machine. `start` tells it from a later one with the same pid."""

    __slots__ = ("cpu_s", "parent", "pid", "rss_bytes", "session", "start")

    def __init__(self, pid: int, parent: int, session: int, start: str, cpu_s: float, rss_bytes: int) -> None:
        self.pid = pid
        self.parent = parent
        self.session = session
        self.start = start
        self.cpu_s = cpu_s
        self.rss_bytes = rss_bytes


def table() -> dict[int, Process]:
    """Every process of this machine that has not ended, by its pid."""
    return _from_proc() if LINUX else _from_ps()


def _from_proc() -> dict[int, Process]:
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        data = slurp(f"/proc/{name}/stat")
        f = data[data.rfind(b")") + 2 :].split()
        if len(f) > 21 and f[0] not in (b"Z", b"X"):
            cpu_s = sum(map(int, f[11:15])) / ticks
            pid, start, rss_bytes = int(name), f[19].decode(), int(f[21]) * page
            found[pid] = Process(pid, int(f[1]), int(f[3]), start, cpu_s, rss_bytes)
    return found


def _from_ps() -> dict[int, Process]:
    found = {}
    with os.popen("ps -A -o pid=,ppid=,pgid=,rss=,time=,stat=,lstart=") as lines:  # noqa: S605
        for line in lines:
            f = line.split(None, 6)
            if len(f) == 7 and not f[5].startswith("Z"):
                pid, parent, group, rss_kib = map(int, f[:4])
                cpu_s = seconds(f[4])
                found[pid] = Process(pid, parent, group, f[6].strip(), cpu_s, rss_kib * 1024)
    return found


def seconds(text: str) -> float:
    """`1-02:03:04.5`, as `ps` writes times, in seconds."""
    days, dash, clock = text.rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds + (int(days) * 86400 if dash else 0)


def slurp(path: str) -> bytes:
    """What a file of the kernel says; empty when it is gone or not for us."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        pieces = []
        while True:
            pieces.append(os.read(handle, 1 << 16))
            if not pieces[-1]:
                return b"".join(pieces)
    except OSError:
        return b""
    finally:
        os.close(handle)


def open_files(pid: int) -> set[str]:
    """Paths of what a process has open; empty when it is gone or not ours. Linux only."""
    try:
        return {os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
    except OSError:
        return set()


def boot_id() -> str:
    """Changes when the machine starts again; empty where nobody tells."""
    return slurp("/proc/sys/kernel/random/boot_id").decode().strip()


def family(found: dict[int, Process], roots: set[int], sessions: set[int]) -> set[int]:
    """The descendants of `roots`, the members of `sessions`, and all descendants of those."""
    children: dict[int, list[int]] = {}
    for process in found.values():
        children.setdefault(process.parent, []).append(process.pid)
    members = {p.pid for p in found.values() if p.session in sessions}
    ahead = list(members | roots)
    while ahead:
        fresh = [pid for pid in children.get(ahead.pop(), ()) if pid not in members]
        members.update(fresh)
        ahead += fresh
    return members


def marked(found: dict[int, Process], mark: str) -> set[int]:
    """Those with `mark`, or anything that begins with it when it ends in `/`, as their marker."""
    end = b"" if mark.endswith("/") else b"\0"
    wanted = b"\0" + MARKER.encode() + b"=" + os.fsencode(mark) + end
    return {pid for pid in found if LINUX and wanted in b"\0" + slurp(f"/proc/{pid}/environ")}


def prctl(option: int, value: int) -> None:
    """Linux's call of that name; nothing elsewhere."""
    if LINUX:
        try:
            import ctypes

            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
        except (ImportError, OSError, AttributeError):
            return  # a Python without ctypes: processes are still found by their marker


def send(pids: Iterable[int], number: int) -> None:
    """Send a signal. Processes that are gone, or that are not ours, are passed over."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def end_all(
    find: Callable[[], set[int]], *, patience_s: float = UNKILLABLE_S, reap: bool = False
) -> list[int]:
    """SIGKILL what `find` finds until it finds nothing twice; returns what cannot be killed.

    Args:
        find: Looks for the processes anew.
        patience_s: Seconds until the rest is given up.
        reap: Whether ended children of this very process are to be waited for.
    """
    deadline, quiet = time.monotonic() + patience_s, 0
    while True:
        pids = find()
        quiet = 0 if pids else quiet + 1
        if quiet == 2 or time.monotonic() > deadline:
            return sorted(pids)
        send(pids, signal.SIGKILL)
        if reap:
            _reap()
        if pids:
            time.sleep(0.01)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return
