"""The processes of a job as they are now, and what is never told of them."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from runctl_core.errors import NotFound
from runctl_core.runner import members

BUSY_CHILD = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "while True: pass", "--epochs", "3"])
open("ready", "w").write(f"{os.getpid()} {child.pid}")
child.wait()
"""


def test_every_process_of_a_job_is_listed_with_what_it_uses(jobs):
    jobs.start(BUSY_CHILD)
    script, child = map(int, jobs.await_file("ready").split())
    found = {p.pid: p for p in jobs.executor.processes("otter-1")}
    assert set(found) == {script, child}, "the runner or a stranger is taken for the job's"
    assert found[child].parent == script
    assert found[child].command[-2:] == ("--epochs", "3")
    assert found[child].cpu_percent > 10 > found[script].cpu_percent
    assert found[child].memory_bytes > 1 << 20
    assert found[child].threads == len(os.listdir(f"/proc/{child}/task"))
    assert 0 <= found[child].elapsed_s < 60
    assert found[child].gpu_memory_bytes is None
    assert found[child].user


def test_secrets_in_the_environment_are_never_told(jobs):
    jobs.start(BUSY_CHILD, secrets={"API_KEY": "sesame-open"})
    jobs.await_file("ready")
    assert "sesame" not in repr(jobs.executor.processes("otter-1"))


def test_a_job_that_is_over_has_no_processes(jobs):
    jobs.run("pass")
    assert jobs.executor.processes("otter-1") == []


def test_a_job_that_was_never_started_is_named(jobs):
    with pytest.raises(NotFound, match="otter-9"):
        jobs.executor.processes("otter-9")


def test_a_process_that_ends_meanwhile_is_left_out(jobs, monkeypatch):
    jobs.start(BUSY_CHILD)
    _, child = map(int, jobs.await_file("ready").split())
    pause = members.time.sleep

    def end_it(seconds):
        monkeypatch.setattr(members.time, "sleep", pause)
        os.kill(child, signal.SIGKILL)
        jobs.wait()

    monkeypatch.setattr(members.time, "sleep", end_it)
    assert jobs.executor.processes("otter-1") == []


def test_a_pid_that_somebody_else_got_meanwhile_is_left_out(jobs, monkeypatch):
    jobs.start(BUSY_CHILD)
    script, child = map(int, jobs.await_file("ready").split())
    look, looks = members._look, []

    def reused(pids):
        looks.append(look(pids))
        if len(looks) == 2:
            looks[1][child]["start"] = b"later"
        return looks[-1]

    monkeypatch.setattr(members, "_look", reused)
    assert [process.pid for process in jobs.executor.processes("otter-1")] == [script]


def test_memory_on_gpus_is_told_for_the_processes_that_have_some(jobs, tmp_path, monkeypatch):
    jobs.start(BUSY_CHILD)
    _, child = jobs.await_file("ready").split()
    (tmp_path / "nvidia-smi").write_text(
        f'#!/bin/sh\necho "{child}, 1000"\necho "{child}, 24"\necho "1, [N/A]"\necho "No devices"\n'
    )
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    told = {p.pid: p.gpu_memory_bytes for p in jobs.executor.processes("otter-1")}
    assert told.pop(int(child)) == 1024 << 20
    assert set(told.values()) == {None}


def test_a_hanging_nvidia_smi_costs_only_its_own_figure(tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(members, "GPU_TIMEOUT_S", 0.1)
    assert members._gpu_memory() == {}


def test_processes_are_described_without_proc_too():
    ours = members._from_ps({os.getpid()})[os.getpid()]
    known = members._from_proc({os.getpid()})[os.getpid()]
    assert set(ours) == set(known)
    assert (ours["parent"], ours["user"]) == (known["parent"], known["user"])
    assert os.path.basename(sys.argv[0]) in ours["command"][0]


def test_a_command_line_of_megabytes_is_cut(jobs):
    code = "open('ready', 'w').write('1'); import time; time.sleep(60) #" + "x" * 100_000
    jobs.start(code)
    jobs.await_file("ready")
    (process,) = jobs.executor.processes("otter-1")
    assert process.command[1] == "-c"
    assert sum(map(len, process.command)) < 5000
