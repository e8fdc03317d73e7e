"""Ends what runs in a machine's folder: detached, orphaned, with another environment, all the same.

A program as well: it waits until its standard input ends, which is when the cloud's own process is dead,
and then ends what is left. It needs no package, so it is there at once. Linux only.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

MARK = "FAKE_MACHINE"
"""The variable that whatever runs in a machine has: the machine's folder."""


def end(folder: str, processes: Any) -> list[int]:
    """Kill all that runs in a folder, or in a machine below it; return what cannot be killed."""
    survivors: list[int] = processes.end_all(lambda: _inside(folder, processes))
    return survivors


def _inside(folder: str, processes: Any) -> set[int]:
    """The marked, those that work there, what is below them, and the sessions that they lead.

    Whoever called us is none of them, wherever they work: nor are their terminals' sessions.
    """
    found = processes.table()
    ours = _ancestors(found)
    known = {pid for pid in found if _marked(pid, folder, processes) or _works_in(pid, folder)} - ours
    led = {found[pid].session for pid in known} & known
    family: set[int] = processes.family(found, known, led)
    return (known | family) - ours


def _ancestors(found: dict[int, Any]) -> set[int]:
    pid, above = os.getpid(), set()
    while pid in found and pid not in above:
        above.add(pid)
        pid = found[pid].parent
    return above


def _marked(pid: int, folder: str, processes: Any) -> bool:
    environment = b"\0" + processes.slurp(f"/proc/{pid}/environ")
    mark = b"\0" + MARK.encode() + b"=" + os.fsencode(folder)
    return mark + b"\0" in environment or mark + b"/" in environment


def _works_in(pid: int, folder: str) -> bool:
    try:
        return f"{os.readlink(f'/proc/{pid}/cwd')}/".startswith(f"{folder}/")
    except OSError:
        return False


if __name__ == "__main__":
    core, watched = sys.argv[1:]
    sys.path.append(core)
    sys.stdin.read()
    end(watched, import_module("runner.processes"))
