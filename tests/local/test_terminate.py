"""Terminating a slot leaves no process of it, whatever its job does, and whenever we are killed."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from homes import processes_of, wait_for
from runctl_core.api import Job, ResourceNotFound, SetupError

from .conftest import Local, spec

READY = "open('ready', 'w').write('yes'); import time; time.sleep(300)"
ESCAPES = {
    "double-forks": f"import os\nif os.fork() == 0:\n if os.fork() == 0:\n  {READY}\n os._exit(0)\n"
    "import time; time.sleep(300)",
    "leads a session": f"import os, time\nif os.fork() == 0:\n os.setsid()\n {READY}\ntime.sleep(300)",
    "ignores signals": "import signal\nfor s in set(signal.Signals) - {9, 19, 17}:\n"
    f" signal.signal(s, signal.SIG_IGN)\n{READY}",
    "closes everything": f"import os; os.closerange(0, 256)\n{READY}",
    "leaves the directory": f"import os; open('ready', 'w').write('yes'); os.chdir('/')\n{READY}",
    "forgets its environment": "import os, sys\nif os.fork() == 0:\n os.setsid()\n"
    f" os.execve(sys.executable, [sys.executable, '-c', {READY!r}], {{}})\nos.wait()",
    "stops itself": "import os; open('ready', 'w').write('yes'); os.kill(os.getpid(), 19)",
}


def _processes(local: Local) -> set[int]:
    """Every process that stands in the job's directory or carries a mark of its slots."""
    marked = {int(line.split()[0]) for line in processes_of(local.home)}
    return marked | {
        pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if _within(pid, local)
    }


def _within(pid: int, local: Local) -> bool:
    try:
        return os.readlink(f"/proc/{pid}/cwd") == str(local.work)
    except OSError:
        return False


@pytest.mark.parametrize("escape", ESCAPES)
def test_no_process_is_left_of_a_job_that(local: Local, escape: str) -> None:
    made = local.create_resource(spec(local.offer()))
    local.executor(made).start(local.job(ESCAPES[escape]))
    wait_for(lambda: (local.work / "ready").exists(), why="the job got ready")
    assert _processes(local)
    local.terminate_resource(made.id)
    assert _processes(local) == set()
    assert local.slot_ids() == []
    assert not local.slot_path(made.id).exists()


def test_terminating_again_is_no_error(local: Local) -> None:
    made = local.create_resource(spec(local.offer()))
    local.terminate_resource(made.id)
    local.terminate_resource(made.id)
    local.terminate_resource("local-0123456789ab")
    with pytest.raises(ResourceNotFound):
        local.get_resource(made.id)


def test_one_slot_ends_and_the_other_goes_on(local: Local) -> None:
    first, second = (local.create_resource(spec(local.offer(), token)) for token in ("t-1", "t-2"))
    for made, name in ((first, "otter-1"), (second, "fox-1")):
        local.executor(made).start(local.job("import time; time.sleep(300)", name))
    local.terminate_resource(first.id)
    assert local.executor(second).status("fox-1").phase == "running"
    assert local.slot_ids() == [second.id]


def test_a_job_that_comes_too_late_does_not_bring_the_slot_back(local: Local) -> None:
    made = local.create_resource(spec(local.offer()))
    late = local.executor(made)
    local.terminate_resource(made.id)
    with pytest.raises(SetupError):
        late.start(local.job("import time; time.sleep(300)"))
    assert local.slot_ids() == []
    assert not local.slot_path(made.id).exists()
    assert _processes(local) == set()


def _is_killed(number: int, folder: Path, act: Callable[..., object], *args: object) -> bool:
    """Do `act` in a process that is killed at its n-th use of `folder`; whether it came so far."""
    child = os.fork()
    if child == 0:
        left = itertools.count(number, -1)

        def hook(_event: str, found: tuple[object, ...]) -> None:
            if any(isinstance(x, str) and x.startswith(str(folder)) for x in found) and next(left) == 1:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        act(*args)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_a_creation_that_is_killed_anywhere_leaves_all_or_nothing(local: Local) -> None:
    offer = local.offer()
    local.terminate_resource(local.create_resource(spec(offer, "first")).id)
    for number in itertools.count(1):
        wanted = spec(offer, f"t-{number}")
        killed = _is_killed(number, local.home, local.create_resource, wanted)
        listed = [found.token for found in local.list_resources() if found.kind != "process"]
        assert listed in ([], [wanted.token]), f"half made when killed at {number}"
        again = local.create_resource(wanted)
        assert local.slot_ids() == [again.id], "the token made two"
        assert [n for n in os.listdir(local.home / "slots") if n.startswith(".coming")] == []
        local.terminate_resource(again.id)
        if not killed:
            break
    assert number > 5, "it was hardly ever killed"


@pytest.mark.faults
def test_a_termination_that_is_killed_anywhere_is_done_by_the_next(local: Local) -> None:
    offer = local.offer()
    for number in itertools.count(1):
        made = _with_job(local)
        killed = _is_killed(number, local.home, local.terminate_resource, made)
        if made in local.slot_ids():
            local.terminate_resource(made)
        assert local.slot_ids() == []
        assert _processes(local) == set(), f"killed at {number}, it left processes that nobody ends"
        local.terminate_resource(local.create_resource(spec(offer, "next")).id)
        assert os.listdir(local.home / "slots") == [".lock"], "something is left on the disk"
        if not killed:
            break
    assert number > 10, "it was hardly ever killed"


def _with_job(local: Local) -> str:
    made = local.create_resource(spec(local.offer()))
    command = ("sh", "-c", "sleep 300 & sleep 300")
    local.executor(made).start(Job(id="otter-1", command=command, workdir=str(local.work)))
    return made.id
