"""What holds when the runner, the guard or both are killed."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from runctl_core.errors import SetupError
from runctl_core.models.jobs import EndedBy, JobPhase
from runctl_core.runner_executor import STALE_S

TREE = """
import os, subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
child = subprocess.Popen(sleep)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve(sleep[0], sleep, {})
    os._exit(0)
os.wait()
open("ready", "w").write("yes")
time.sleep({stay})
"""


def tree(jobs, stay=60):
    """Start a script with a child and a daemon; returns the pids of all of the job's processes."""
    handle = jobs.start(TREE.replace("{stay}", str(stay)))
    jobs.await_file("ready")
    deadline = time.monotonic() + 10
    while True:
        pids = descendants(jobs.state(handle)["guard_pid"])
        if len(pids) == 4:  # the runner, the script, its child, the daemon
            return jobs.state(handle), pids
        assert time.monotonic() < deadline, pids
        time.sleep(0.05)


def descendants(root):
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents[int(name)] = int(Path(f"/proc/{name}/stat").read_bytes().rpartition(b")")[2].split()[1])
        except OSError:
            continue
    found, ahead = set(), [root]
    while ahead:
        parent = ahead.pop()
        fresh = {pid for pid, of in parents.items() if of == parent} - found
        found |= fresh
        ahead += fresh
    return found


def left(pids):
    states = {}
    for pid in pids:
        try:
            states[pid] = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1]
        except OSError:
            continue
    return [pid for pid, state in states.items() if state not in b"ZX"]


def test_a_killed_runner_leaves_no_process_and_a_lost_job(jobs):
    state, pids = tree(jobs)
    os.kill(state["runner_pid"], signal.SIGKILL)
    begun = time.monotonic()
    status = jobs.wait()
    assert (status.phase, status.ended_by) == (JobPhase.LOST, EndedBy.RUNNER_DIED)
    assert time.monotonic() - begun < 4, "the guard did not see it; a later look had to"
    assert status.ended_at is not None
    assert status.exit_code is None
    assert left(pids) == []


def test_a_killed_guard_is_replaced_and_the_job_goes_on(jobs):
    state, _ = tree(jobs, stay=3)
    os.kill(state["guard_pid"], signal.SIGKILL)
    deadline = time.monotonic() + 5
    while jobs.state()["guard_pid"] == state["guard_pid"]:
        assert time.monotonic() < deadline, "no new guard"
        time.sleep(0.01)
    assert jobs.wait().exit_code == 0
    jobs.nothing_left()


def test_the_new_guard_guards(jobs):
    state, pids = tree(jobs)
    os.kill(state["guard_pid"], signal.SIGKILL)
    deadline = time.monotonic() + 5
    while jobs.state()["guard_pid"] == state["guard_pid"]:
        assert time.monotonic() < deadline, "no new guard"
        time.sleep(0.01)
    time.sleep(2.5)  # a sample, which names the daemon that nothing else would show
    os.kill(state["runner_pid"], signal.SIGKILL)
    begun = time.monotonic()
    assert jobs.wait().phase is JobPhase.LOST
    assert time.monotonic() - begun < 4
    assert left(pids) == []
    jobs.nothing_left()  # the guard ends after it has told how the job ended


def test_when_both_are_killed_a_look_ends_the_rest(jobs):
    state, pids = tree(jobs)
    time.sleep(2.5)
    os.kill(state["runner_pid"], signal.SIGSTOP)  # or it would put a new guard in place
    os.kill(state["guard_pid"], signal.SIGKILL)
    os.kill(state["runner_pid"], signal.SIGKILL)
    begun = time.monotonic()
    status = jobs.wait()
    assert status.phase is JobPhase.LOST
    assert time.monotonic() - begun < 15
    assert left(pids) == []


def test_when_all_are_killed_the_job_is_lost_within_15_s(jobs):
    state, pids = tree(jobs)
    for pid in {state["guard_pid"], *pids}:
        os.kill(pid, signal.SIGKILL)
    begun = time.monotonic()
    assert jobs.wait().phase is JobPhase.LOST
    assert time.monotonic() - begun < 15


def test_a_suspended_runner_is_not_taken_for_dead(jobs):
    jobs.start("import time; time.sleep(9)")
    jobs.wait_running()
    pid = jobs.state()["runner_pid"]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(STALE_S + 1)
    assert jobs.executor.status("otter-1").phase is JobPhase.RUNNING
    os.kill(pid, signal.SIGCONT)
    assert jobs.wait().exit_code == 0


def test_a_runner_killed_during_set_up_leaves_no_script(jobs):
    setup = (("sh", "-c", "echo yes > ready; sleep 60"),)
    jobs.start("open('script', 'w')", setup=setup)
    jobs.await_file("ready")
    os.kill(jobs.state()["runner_pid"], signal.SIGKILL)
    assert jobs.wait().phase is JobPhase.LOST
    assert not (jobs.workdir / "script").exists()


def test_cancel_after_the_death_of_both_tells_the_truth(jobs):
    state, _ = tree(jobs)
    os.kill(state["runner_pid"], signal.SIGSTOP)
    os.kill(state["guard_pid"], signal.SIGKILL)
    os.kill(state["runner_pid"], signal.SIGKILL)
    while left([state["runner_pid"], state["guard_pid"]]):
        time.sleep(0.01)
    jobs.executor.cancel("otter-1", 1)
    assert jobs.wait(timeout_s=3).phase is JobPhase.LOST


@pytest.mark.parametrize("damage", [b"", b'{"phase": "runn', b"[]", b'{"phase": "odd"}', b"{}"])
def test_a_damaged_state_of_a_live_job_is_mended(jobs, damage):
    jobs.start("import time; time.sleep(60)")
    jobs.wait_running()
    Path(jobs.root, "otter-1", "state.json").write_bytes(damage)
    assert jobs.executor.status("otter-1").phase is JobPhase.RUNNING


@pytest.mark.parametrize("damage", [b"", b'{"phase": "fini', b"[]", b'{"phase": "odd"}', None])
def test_a_damaged_state_of_a_dead_job_is_never_a_success(jobs, damage):
    jobs.run("import time; time.sleep(0.7)")
    path = Path(jobs.root, "otter-1", "state.json")
    path.write_bytes(damage) if damage is not None else path.unlink()
    status = jobs.wait()
    assert status.phase is JobPhase.LOST
    assert damage is None or "damaged" in status.message


def test_destroy_leaves_no_process_and_returns_when_it_is_so(jobs):
    _, pids = tree(jobs)
    jobs.start("import time; time.sleep(60)", job_id="otter-2")
    jobs.executor.destroy()
    assert left(pids) == []
    assert [jobs.executor.status(h).ended_by for h in ("otter-1", "otter-2")] == ["cancel"] * 2


def test_destroy_does_not_depend_on_a_runner_that_answers(jobs):
    state, pids = tree(jobs)
    os.kill(state["runner_pid"], signal.SIGSTOP)
    jobs.executor.destroy()
    assert left({*pids, state["guard_pid"]}) == []
    assert jobs.executor.status("otter-1").phase is JobPhase.LOST


def test_destroy_finds_a_runner_that_hangs_and_whose_state_is_damaged(jobs):
    state, pids = tree(jobs)
    os.kill(state["runner_pid"], signal.SIGSTOP)
    Path(jobs.root, "otter-1", "state.json").write_text("damaged")
    jobs.executor.destroy()
    assert left({*pids, state["runner_pid"], state["guard_pid"]}) == []


def test_destroy_finds_jobs_whose_directory_was_deleted(jobs):
    _, pids = tree(jobs)
    shutil.rmtree(jobs.root)
    jobs.executor.destroy()
    deadline = time.monotonic() + 10
    while left(pids):
        assert time.monotonic() < deadline, "something outlived its deleted directory"
        time.sleep(0.05)


def test_a_cancel_of_a_start_that_was_cut_short_does_not_hit_the_next(jobs):
    os.makedirs(f"{jobs.root}/otter-1", mode=0o700)
    Path(jobs.root, "otter-1", "cancel").write_text('{"grace_s": 0}')
    assert jobs.run("pass").exit_code == 0


def test_destroy_of_nothing_is_no_error(jobs):
    jobs.executor.destroy()
    jobs.executor.destroy()


def test_no_job_starts_where_everything_was_destroyed(jobs):
    jobs.executor.destroy()
    with pytest.raises(SetupError, match="could not be started"):
        jobs.run("pass")
    assert not os.path.exists(f"{jobs.root}/otter-1")


def test_a_job_that_starts_while_all_is_destroyed_ends_or_never_begins(jobs):
    refused = []

    def start(number):
        try:
            jobs.start("import time; time.sleep(60)", job_id=f"otter-{number}")
        except SetupError as error:
            refused.append(error)

    starts = [threading.Thread(target=start, args=(number,)) for number in range(6)]
    for thread in starts[:3]:
        thread.start()
    jobs.executor.destroy()
    for thread in starts[3:]:
        thread.start()
    for thread in starts:
        thread.join()
    assert len(refused) >= 3
    jobs.nothing_left()
