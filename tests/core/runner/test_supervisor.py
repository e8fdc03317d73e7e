"""What a job's owner is promised while the runner lives."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runctl_core.errors import NotFound, SetupError
from runctl_core.models.jobs import EndedBy, JobPhase

IGNORES_SIGTERM = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open("ready", "w").write("yes")
time.sleep(60)
"""
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        if {clean}:
            code = "import os,time; open('daemon','w').write(str(os.getpid())); time.sleep(60)"
            os.execve(sys.executable, [sys.executable, "-c", code], {{}})
        open("daemon", "w").write(str(os.getpid()))
        time.sleep(60)
    os._exit(0)
os.wait()
while not os.path.exists("daemon") or not open("daemon").read():
    time.sleep(0.01)
time.sleep({stay})
"""


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] in b"ZX"
    except OSError:
        return True


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_the_log_has_every_byte_of_both_streams(jobs):
    code = """
import os, sys
out = sys.stdout.buffer
out.write(b"10 %\\r20 %\\r\\n"); out.write(bytes(range(256))); out.write(b"x" * 10_000_000 + b"\\n")
out.flush()
os.write(2, b"warning\\0\\n")
"""
    assert jobs.run(code).exit_code == 0
    wanted = b"10 %\r20 %\r\n" + bytes(range(256)) + b"x" * 10_000_000 + b"\nwarning\0\n"
    assert jobs.log() == wanted, "bytes of the log were lost or changed"


def test_the_exit_status_is_the_scripts(jobs):
    status = jobs.run("raise SystemExit(7)")
    assert (status.phase, status.exit_code, status.signal) == (JobPhase.FINISHED, 7, None)
    assert status.started_at <= status.running_at <= status.ended_at


def test_a_signal_that_ended_the_script_is_told(jobs):
    status = jobs.run("import os; os.kill(os.getpid(), 11)")
    assert (status.exit_code, status.signal, status.ended_by) == (None, 11, None)
    assert not status.oom, "nobody ran out of memory"


def test_set_up_runs_first_in_order_and_has_its_own_log(jobs):
    setup = (("sh", "-c", "echo one; echo 1 > made"), ("sh", "-c", "echo two; cat made"))
    assert jobs.run("print(open('made').read())", setup=setup).exit_code == 0
    assert jobs.log(log="setup") == b"one\ntwo\n1\n"
    assert jobs.log() == b"1\n\n"


def test_a_failing_set_up_ends_the_job_before_the_script(jobs):
    setup = (("sh", "-c", "echo no such package; exit 3"), ("touch", "second"))
    status = jobs.run("open('script', 'w')", setup=setup)
    assert (status.phase, status.ended_by) == (JobPhase.FINISHED, EndedBy.SETUP)
    assert (status.exit_code, status.running_at) == (None, None)
    assert "sh exited with status 3" in status.message
    assert list(jobs.workdir.iterdir()) == [], "something ran after the failure"


def test_a_set_up_program_that_is_not_there_is_named(jobs):
    status = jobs.run("pass", setup=(("no-such-program", "sync"),))
    assert status.ended_by is EndedBy.SETUP
    assert status.message == "cannot execute no-such-program: No such file or directory"


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (("no-such-program",), 127, "cannot execute no-such-program: No such file or directory"),
        (("./plain",), 126, "cannot execute ./plain: Permission denied"),
    ],
)
def test_a_script_that_cannot_be_executed_is_told(jobs, command, code, message):
    (jobs.workdir / "plain").write_text("text")
    status = jobs.run(command)
    assert (status.exit_code, status.message) == (code, message)


def test_a_missing_directory_is_told(jobs):
    status = jobs.run("pass", workdir=str(jobs.workdir / "gone"))
    assert status.exit_code == 127
    assert "cannot enter the directory" in status.message


def test_the_scripts_environment_is_the_contract(jobs, monkeypatch, tmp_path):
    monkeypatch.setenv("RUNCTL_RESUME_FROM", "/inherited")
    monkeypatch.setenv("OF_THE_USER", "kept")
    code = "import json, os; json.dump(dict(os.environ), open('environ', 'w'))"
    jobs.run(code, env={"RUNCTL_RUN_ID": "otter"}, secrets={"TOKEN": "s3cret"})
    import json

    environ = json.loads((jobs.workdir / "environ").read_text())
    assert environ["RUNCTL_RUN_ID"] == "otter"
    assert environ["OF_THE_USER"] == "kept"
    assert environ["TOKEN"] == "s3cret"
    assert os.path.isdir(environ["RUNCTL_CHECKPOINT_DIR"])
    assert "RUNCTL_RESUME_FROM" not in environ, "a fresh start must not resume"


def test_a_resumed_script_is_told_from_where(jobs):
    code = "import os; print(os.environ['RUNCTL_RESUME_FROM'], os.environ['RUNCTL_CHECKPOINT_DIR'])"
    folder = str(jobs.workdir / "saved")
    status = jobs.run(code, resume_from="/ckpt/step-3.pt", checkpoint_dir=folder)
    assert jobs.log() == f"/ckpt/step-3.pt {folder}\n".encode()
    assert status.checkpoint_dir == folder
    assert os.path.isdir(folder)


def test_a_relative_checkpoint_directory_is_meant_from_the_working_directory(jobs):
    status = jobs.run("pass", checkpoint_dir="ckpt")
    assert status.checkpoint_dir == str(jobs.workdir / "ckpt")
    assert os.path.isdir(status.checkpoint_dir)


def test_the_script_has_default_signals_and_no_terminal(jobs):
    code = """
import os, signal
print([signal.getsignal(s) == signal.SIG_DFL for s in (signal.SIGTERM, signal.SIGHUP)])
print(os.getsid(0) == os.getpid(), os.read(0, 1))
"""
    jobs.run(code)
    assert jobs.log() == b"[True, True]\nTrue b''\n"
    jobs.run(("sh", "-c", "yes | head -1"), job_id="otter-2")
    assert jobs.log() and jobs.log("otter-1")


def test_cancel_sends_sigterm_first(jobs):
    code = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("saving"), sys.exit(0)))
open("ready", "w").write("yes")
time.sleep(60)
"""
    handle = jobs.start(code)
    jobs.await_file("ready")
    jobs.executor.cancel(handle, 30)
    status = jobs.wait()
    assert (status.ended_by, status.exit_code) == (EndedBy.CANCEL, 0)
    assert jobs.log() == b"saving\n", "the script had no time to save"


def test_cancel_kills_what_ignores_sigterm_after_the_grace(jobs):
    handle = jobs.start(IGNORES_SIGTERM)
    jobs.await_file("ready")
    begun = time.monotonic()
    jobs.executor.cancel(handle, 0.7)
    status = jobs.wait()
    assert status.signal == signal.SIGKILL
    assert not status.oom
    assert time.monotonic() - begun > 0.7, "the grace was cut short"


def test_a_second_cancel_shortens_the_grace(jobs):
    handle = jobs.start(IGNORES_SIGTERM)
    jobs.await_file("ready")
    jobs.executor.cancel(handle, 600)
    time.sleep(0.3)
    assert not jobs.executor.status(handle).phase.over
    jobs.executor.cancel(handle, 0)
    assert jobs.wait().signal == signal.SIGKILL


def test_cancel_during_set_up_ends_it_and_the_script_never_starts(jobs):
    setup = (("sh", "-c", "echo yes > ready; sleep 60"),)
    handle = jobs.start("open('script', 'w')", setup=setup)
    jobs.await_file("ready")
    jobs.executor.cancel(handle, 1)
    assert jobs.wait().ended_by is EndedBy.CANCEL
    assert not (jobs.workdir / "script").exists()


def test_cancel_of_a_job_that_is_over_does_nothing(jobs):
    before = jobs.run("pass")
    jobs.executor.cancel("otter-1", 1)
    assert jobs.executor.status("otter-1") == before


def test_a_stopped_script_can_be_cancelled(jobs):
    jobs.start("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)")
    time.sleep(0.3)
    jobs.executor.cancel("otter-1", 30)
    assert jobs.wait().signal == signal.SIGTERM


@pytest.mark.parametrize("clean", [False, True], ids=["marked", "clean-environment"])
def test_cancel_ends_daemons_that_left_the_group(jobs, clean):
    handle = jobs.start(DAEMON.format(clean=clean, stay=60))
    pid = int(jobs.await_file("daemon"))
    jobs.executor.cancel(handle, 1)
    assert jobs.wait().ended_by is EndedBy.CANCEL
    assert gone(pid), "a daemon of the job outlived it"


@pytest.mark.parametrize("clean", [False, True], ids=["marked", "clean-environment"])
def test_what_a_finished_script_left_is_ended_and_noted(jobs, clean):
    status = jobs.run(DAEMON.format(clean=clean, stay=0))
    assert (status.exit_code, status.ended_by) == (0, None)
    assert "1 processes that it left running were ended" in status.message
    assert gone(int(jobs.await_file("daemon")))


def test_a_helper_that_ends_by_itself_is_not_worth_a_word(jobs):
    code = "import subprocess; subprocess.Popen(['sleep', '0.2'])"
    assert jobs.run(code).message == ""


def test_the_deadline_ends_the_script(jobs):
    status = jobs.run("import time; time.sleep(60)", deadline=soon(1))
    assert (status.ended_by, status.signal) == (EndedBy.DEADLINE, signal.SIGTERM)


def test_a_deadline_made_from_a_budget_is_told_as_one(jobs):
    fields = {"deadline": soon(0.6), "deadline_is_budget": True}
    assert jobs.run("import time; time.sleep(60)", **fields).ended_by is EndedBy.BUDGET


def test_the_deadline_ends_set_up_too(jobs):
    setup = (("sleep", "60"), ("touch", "second"))
    status = jobs.run("open('script', 'w')", setup=setup, deadline=soon(1))
    assert (status.ended_by, status.running_at) == (EndedBy.DEADLINE, None)
    assert list(jobs.workdir.iterdir()) == []


def test_nothing_starts_after_the_deadline(jobs):
    setup = (("touch", "set-up"),)
    status = jobs.run("open('script', 'w')", setup=setup, deadline=soon(-1))
    assert status.ended_by is EndedBy.DEADLINE
    assert list(jobs.workdir.iterdir()) == []


def test_an_idle_script_is_ended(jobs):
    begun = time.monotonic()
    status = jobs.run("import time; time.sleep(60)", idle_s=1.5)
    assert status.ended_by is EndedBy.IDLE
    assert time.monotonic() - begun > 1.5


@pytest.mark.parametrize(
    "work",
    ["print('.', flush=True); time.sleep(0.3)", "save(); time.sleep(0.3)", "sum(range(10**6))"],
    ids=["output", "checkpoint", "processor"],
)
def test_a_busy_script_is_not_idle(jobs, work):
    code = f"""
import os, time
def save():
    os.makedirs(os.environ["RUNCTL_CHECKPOINT_DIR"] + "/a/b", exist_ok=True)
    open(os.environ["RUNCTL_CHECKPOINT_DIR"] + "/a/b/c", "w").write("x")
end = time.monotonic() + 4
while time.monotonic() < end:
    {work}
"""
    assert jobs.run(code, idle_s=1.0).ended_by is None


def test_set_up_counts_as_busy(jobs):
    assert jobs.run("pass", setup=(("sleep", "2.5"),), idle_s=1.0).exit_code == 0


def test_secrets_are_in_no_file_and_on_no_command_line(jobs):
    secret = "s3cret-of-the-test"
    jobs.start("open('ready', 'w').write('yes'); import time; time.sleep(60)", secrets={"T": secret})
    jobs.await_file("ready")
    told = [p for p in Path(jobs.root).rglob("*") if p.is_file() and secret in p.read_text()]
    assert told == []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            assert secret.encode() not in Path(f"/proc/{name}/cmdline").read_bytes()
        except OSError:
            continue


def test_a_job_is_started_once(jobs):
    code = "open('runs', 'a').write('x'); import time; time.sleep(0.5)"
    threads = [threading.Thread(target=jobs.start, args=(code,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    jobs.wait()
    jobs.start(code)
    assert (jobs.workdir / "runs").read_text() == "x", "the job ran more than once"


def test_the_directory_is_private(jobs):
    jobs.run("pass")
    directory = Path(jobs.root, "otter-1")
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / "job.json").stat().st_mode & 0o777 == 0o600


def test_a_directory_that_others_may_write_is_refused(jobs):
    os.makedirs(f"{jobs.root}/otter-1")
    os.chmod(f"{jobs.root}/otter-1", 0o777)  # noqa: S103
    with pytest.raises(SetupError) as caught:
        jobs.start("pass")
    assert "not a private directory of ours" in caught.value.why


def test_a_start_that_fails_leaves_no_job(jobs, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError) as caught:
        jobs.start("pass", checkpoint_dir=str(tmp_path / "file" / "checkpoints"))
    assert "Not a directory" in caught.value.why
    with pytest.raises(NotFound):
        jobs.executor.status("otter-1")
    assert jobs.run("pass").exit_code == 0, "the job cannot be started after its fault is mended"


def test_an_unwritable_root_is_told(jobs, tmp_path):
    (tmp_path / "slot").write_text("a file")
    with pytest.raises(SetupError) as caught:
        jobs.start("pass")
    assert caught.value.fix
    (tmp_path / "slot").unlink()


def test_sigterm_to_the_runner_ends_the_job_in_order(jobs):
    jobs.start(IGNORES_SIGTERM, grace_s=0.5)
    jobs.await_file("ready")
    os.kill(jobs.state()["runner_pid"], signal.SIGTERM)
    status = jobs.wait()
    assert (status.phase, status.ended_by) == (JobPhase.FINISHED, EndedBy.CANCEL)
    assert "signal 15" in status.message


def test_the_heartbeat_and_the_log_size_go_on(jobs):
    jobs.start("import time\nwhile True: print('x' * 99, flush=True); time.sleep(0.1)")
    time.sleep(1.5)
    first = jobs.executor.status("otter-1")
    time.sleep(1.5)
    second = jobs.executor.status("otter-1")
    assert first.heartbeat_at < second.heartbeat_at
    assert 0 < first.log_bytes < second.log_bytes


def test_usage_is_of_all_the_jobs_processes(jobs):
    code = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
child.wait()
"""
    jobs.start(code)
    deadline = time.monotonic() + 15
    while not any(u.processes == 2 for u in jobs.executor.usage("otter-1")[1:]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    sample = jobs.executor.usage("otter-1")[-1]
    assert sample.cpu_percent > 20
    assert sample.memory_bytes > 1 << 20
    assert sample.disk_free_bytes > 0
    assert sys.executable
