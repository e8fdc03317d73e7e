"""Training processes that runctl did not start: found, so that a user sees what occupies a machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from attrs import frozen

_LAUNCHERS = re.compile(r"(^|/)(torchrun|torch\.distributed\.(run|launch)|accelerate|deepspeed|horovodrun)$")
_PYTHON = re.compile(r"(^|/)python[\d.]*$")
_TRAINS = re.compile(
    r"(?<!s)train|fine_?-?tun|(?<![a-z])(sft|dpo)(?![a-z])|diffusion",  # no constraint, no endpoint
    re.IGNORECASE,
)
_WITH_VALUE = ("-X", "-W", "--check-hash-based-pycs")
_JOB_MARK = b"RUNCTL_JOB="


@frozen
class Process:
    """A process of this computer.

    Attributes:
        pid: Its process id.
        parent: Its parent's.
        user: The number of the user that it runs as.
        started: When, in the kernel's ticks or in words; tells two processes of one pid apart.
        command: Its command line.
    """

    pid: int
    parent: int
    user: int
    started: str
    command: tuple[str, ...]

    @property
    def identity(self) -> str:
        """Its pid and its start: no later process has both."""
        return f"{self.pid}-{self.started}"


def looks_like_training(command: tuple[str, ...]) -> bool:
    """Whether a command line is one that people train with."""
    if not command:
        return False
    if _LAUNCHERS.search(command[0]):
        return True
    program = _program(command[1:]) if _PYTHON.search(command[0]) else ""
    return bool(_LAUNCHERS.search(program) or _TRAINS.search(os.path.basename(program)))


def _program(words: tuple[str, ...]) -> str:
    """The script or module among Python's arguments; empty for code and for a prompt."""
    rest = iter(words)
    for word in rest:
        if word == "-m":
            return next(rest, "")
        if word in _WITH_VALUE:
            next(rest, None)
        elif word.startswith("-c"):
            return ""
        elif not word.startswith("-"):
            return word
    return ""


def unmanaged(gpu_pids: set[int]) -> list[Process]:
    """This user's training processes, and everybody's on a GPU, that no slot of runctl started.

    The workers of one that is listed are left out.
    """
    found = {}
    for process in _look():
        trains = process.user == os.geteuid() and looks_like_training(process.command)
        if (trains or process.pid in gpu_pids) and not _marked(process.pid):
            found[process.pid] = process
    found.pop(os.getpid(), None)
    return [process for process in found.values() if process.parent not in found]


def identity(pid: int) -> str:
    """The `identity` of a live process; empty when there is none of that pid."""
    return next((process.identity for process in _look(pid)), "")


def _look(pid: int | None = None) -> list[Process]:
    """Every live process, or the one of a pid."""
    if sys.platform.startswith("linux"):
        return _from_proc(os.listdir("/proc") if pid is None else [str(pid)])
    return _from_ps(["-ax"] if pid is None else ["-p", str(pid)])


def _from_proc(names: list[str]) -> list[Process]:
    found = []
    for name in names:
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                command = tuple(os.fsdecode(word) for word in file.read().split(b"\0") if word)
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
                user = os.fstat(file.fileno()).st_uid
        except OSError:
            continue  # it ended while we looked
        if command:
            found.append(Process(int(name), int(fields[1]), user, fields[19].decode(), command))
    return found


def _from_ps(select: list[str]) -> list[Process]:
    """The start is five words: `Tue Nov 24 05:44:06 2026`."""
    columns = ["-o", "pid=,ppid=,uid=,lstart=,command="]
    done = subprocess.run(["ps", *select, *columns], capture_output=True, text=True, check=False)
    rows = [line.split(None, 8) for line in done.stdout.splitlines()]
    return [
        Process(int(row[0]), int(row[1]), int(row[2]), "-".join(row[3:8]), tuple(row[8].split()))
        for row in rows
        if len(row) == 9
    ]


def _marked(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return any(entry.startswith(_JOB_MARK) for entry in file.read().split(b"\0"))
    except OSError:
        return False
