"""kill -9 of anything, at any moment: what is told afterwards is true, and nothing runs on."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runctl_core.errors import NotFound
from runctl_core.models.jobs import EndedBy, JobPhase
from runctl_core.runner_programs import PROGRAM, sources

pytestmark = pytest.mark.faults

MOMENTS = 50
SEED = int(os.environ.get("RUNCTL_TEST_SEED", "20261123"))
SCRIPT = """
import os, subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
subprocess.Popen(sleep)
if os.fork() == 0:
    os.setsid()
    os.execv(sleep[0], sleep)
time.sleep(1)
"""
TARGETS = (("pid",), ("runner_pid",), ("guard_pid",), ("runner_pid", "guard_pid"),
           ("guard_pid", "runner_pid", "pid"))  # fmt: skip


def state_of(jobs, handle):
    try:
        return json.loads(Path(jobs.root, handle, "state.json").read_bytes())
    except OSError:
        return {}


def strike(jobs, number, targets, moment_s):
    """Start a job, kill its `targets` after `moment_s`; returns what was killed, and the status."""
    handle = f"otter-{number}"
    jobs.start(SCRIPT, job_id=handle, setup=(("sleep", "0.2"),))
    time.sleep(moment_s)
    state = state_of(jobs, handle)
    pids = [state[name] for name in targets if state.get(name)]
    if state["phase"] in ("finished", "lost"):
        pids = []  # those numbers may be somebody else's by now
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    begun = time.monotonic()
    status = jobs.wait(handle, timeout_s=30)
    assert time.monotonic() - begun < 15 + 3 * ("pid" not in targets), "told too late"
    return pids, status


def is_true(targets, status):
    """Whether a status may be told after `targets` were killed."""
    by_itself = (status.phase, status.exit_code, status.ended_by) == (JobPhase.FINISHED, 0, None)
    if "runner_pid" in targets:
        return by_itself or (status.phase, status.ended_by) == (JobPhase.LOST, EndedBy.RUNNER_DIED)
    if targets == ("pid",):
        return by_itself or status.signal == signal.SIGKILL
    return by_itself


@pytest.mark.parametrize("targets", TARGETS, ids="+".join)
def test_whatever_is_killed_whenever_the_state_is_true_and_nothing_is_left(jobs, targets):
    moments = random.Random(f"{SEED} {targets}")
    plan = [(n, moments.uniform(0, 1.6)) for n in range(MOMENTS // len(TARGETS))]
    with ThreadPoolExecutor(5) as pool:
        results = list(pool.map(lambda item: strike(jobs, item[0], targets, item[1]), plan))
    for (number, moment_s), (pids, status) in zip(plan, results, strict=True):
        told = f"seed {SEED}, job {number}, killed {targets} {pids} after {moment_s:.3f} s: {status}"
        assert is_true(targets, status), told
        assert jobs.executor.status(f"otter-{number}") == status, "it changed after its end"
    jobs.nothing_left()


def test_a_start_killed_at_any_moment_is_no_job_or_one_job(jobs):
    moments = random.Random(SEED)
    home = os.path.dirname(os.path.dirname(sources()[0]))
    argv = [sys.executable, "-I", "-S", "-X", "utf8", "-c", PROGRAM, home, "start", jobs.root]
    for number in range(MOMENTS):
        handle, moment_s = f"otter-{number}", moments.uniform(0, 0.08)
        request = {
            "job": {
                **dict.fromkeys(("resume_from", "checkpoint_dir", "deadline")),
                "id": handle,
                "command": ["sh", "-c", f"echo x >> runs-{number}"],
                "setup": [],
                "workdir": str(jobs.workdir),
                "env": {},
                "deadline_is_budget": False,
                "idle_s": 0,
                "grace_s": 1,
            },
            "secrets": {},
        }
        launcher = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        launcher.stdin.write(json.dumps(request).encode())
        launcher.stdin.close()
        time.sleep(moment_s)
        launcher.kill()
        launcher.wait()
        time.sleep(0.05)
        try:
            jobs.wait(handle)
        except NotFound:
            told = f"seed {SEED}, job {number}, killed after {moment_s:.4f} s"
            assert not (jobs.workdir / f"runs-{number}").exists(), f"an unknown job ran: {told}"
        jobs.start(["sh", "-c", f"echo x >> runs-{number}"], job_id=handle)
        assert jobs.wait(handle).exit_code == 0
        assert (jobs.workdir / f"runs-{number}").read_text() == "x\n", "it ran twice, or never"
