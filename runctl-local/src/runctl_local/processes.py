"""Training processes that runctl did not start: found, so that a user sees what occupies a machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise

from attrs import frozen

_LAUNCHERS = re.compile(r"(^|/)(torchrun|accelerate|deepspeed|horovodrun)$")
_PYTHON = re.compile(r"(^|/)python[\d.]*$")
_TRAINS = re.compile(r"train|fine_?-?tun|pretrain|sft|dpo|diffusion", re.IGNORECASE)
_JOB_MARK = b"RUNCTL_JOB="


@frozen
class Process:
    """A process of this computer.

    Attributes:
        pid: Its process id.
        started: When, in the kernel's ticks or in words; tells two processes of one pid apart.
        command: Its command line.
    """

    pid: int
    started: str
    command: tuple[str, ...]


def looks_like_training(command: tuple[str, ...]) -> bool:
    """Whether a command line is one that people train with."""
    if not command:
        return False
    if _LAUNCHERS.search(command[0]):
        return True
    if not _PYTHON.search(command[0]):
        return False
    words = [word for word in command[1:] if not word.startswith("-")][:1]
    modules = [after for word, after in pairwise(command) if word == "-m"]
    return any(
        _LAUNCHERS.search(word) or _TRAINS.search(os.path.basename(word)) for word in (*words, *modules)
    )


def unmanaged(gpu_pids: set[int]) -> list[Process]:
    """This user's training processes, and everybody's on a GPU, that no slot of runctl started."""
    found = []
    for process in _all():
        ours = process.pid == os.getpid() or _marked(process.pid)
        if not ours and (process.pid in gpu_pids or looks_like_training(process.command)):
            found.append(process)
    return found


def _all() -> list[Process]:
    return _from_proc() if sys.platform.startswith("linux") else _from_ps()


def _from_proc() -> list[Process]:
    found = []
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                command = tuple(os.fsdecode(word) for word in file.read().split(b"\0") if word)
            with open(f"/proc/{name}/stat", "rb") as file:
                started = file.read().rpartition(b")")[2].split()[19].decode()
        except OSError:
            continue  # it ended while we looked
        if command:
            found.append(Process(int(name), started, command))
    return found


def _from_ps() -> list[Process]:
    done = subprocess.run(["ps", "-axo", "pid=,command="], capture_output=True, text=True, check=False)
    rows = [line.split(None, 1) for line in done.stdout.splitlines()]
    return [Process(int(row[0]), "0", tuple(row[1].split())) for row in rows if len(row) == 2]


def _marked(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return any(entry.startswith(_JOB_MARK) for entry in file.read().split(b"\0"))
    except OSError:
        return False
