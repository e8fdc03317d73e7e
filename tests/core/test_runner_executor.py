"""Jobs through a transport: where files are shared, and where nothing but commands get through."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runctl_core.errors import NotFound, SetupError, StateError, UnknownOutcome, UsageError
from runctl_core.models.jobs import EndedBy, Job, JobPhase
from runctl_core.runner_executor import RunnerExecutor
from runctl_core.runner_programs import sources
from runctl_core.transport import Transport
from runctl_core.transport.local import LocalTransport


class Elsewhere(LocalTransport):
    """A machine that shares no files with us: only its own calls reach it, and `read` is `tail`."""

    shares_files = False
    read = Transport.read

    def __init__(self):
        self.commands = []
        self.puts = []

    def run(self, argv, *, input=b"", timeout_s=None):
        self.commands.append(argv)
        return super().run(argv, input=input, timeout_s=timeout_s)

    def put(self, source, target, *, mode=None):
        self.puts.append(target)
        super().put(source, target, mode=mode)


def wait(executor, handle="otter-1", timeout_s=20.0):
    deadline = time.monotonic() + timeout_s
    while not (status := executor.status(handle)).phase.over:
        assert time.monotonic() < deadline, status
        time.sleep(0.02)
    return status


def job(tmp_path, code="pass", **fields):
    return Job(
        id=fields.pop("id", "otter-1"),
        command=(sys.executable, "-c", code),
        workdir=str(tmp_path),
        **fields,
    )


@pytest.fixture(params=[LocalTransport, Elsewhere], ids=["shared", "elsewhere"])
def executor(request, tmp_path):
    executor = RunnerExecutor(request.param(), str(tmp_path / "slot"))
    yield executor
    executor.destroy()


def test_a_job_goes_all_the_way(executor, tmp_path):
    code = "import os; print('hi'); open(os.environ['RUNCTL_CHECKPOINT_DIR'] + '/c', 'w').write('w')"
    handle = executor.start(job(tmp_path, code, setup=(("echo", "set up"),)))
    status = wait(executor)
    assert (handle, status.phase, status.exit_code) == ("otter-1", JobPhase.FINISHED, 0)
    assert executor.logs(handle, 0) == b"hi\n"
    assert executor.logs(handle, 1, limit=1) == b"i"
    assert executor.logs(handle, 3) == b""
    assert executor.logs(handle, 0, log="setup") == b"set up\n"
    executor.fetch(handle, status.checkpoint_dir, str(tmp_path / "home"))
    assert (tmp_path / "home" / "c").read_text() == "w"
    assert executor.start(job(tmp_path, code)) == handle
    assert executor.logs(handle, 0) == b"hi\n", "a second start ran it again"


def test_cancel_ends_it(executor, tmp_path):
    executor.start(job(tmp_path, "import time; time.sleep(60)"))
    executor.cancel("otter-1", 5)
    assert wait(executor).ended_by is EndedBy.CANCEL


def test_a_killed_pair_is_noticed_from_afar(executor, tmp_path):
    executor.start(job(tmp_path, "import time; time.sleep(60)"))
    state = json.loads((tmp_path / "slot" / "otter-1" / "state.json").read_bytes())
    os.kill(state["runner_pid"], signal.SIGSTOP)
    os.kill(state["guard_pid"], signal.SIGKILL)
    os.kill(state["runner_pid"], signal.SIGKILL)
    begun = time.monotonic()
    assert wait(executor).phase is JobPhase.LOST
    assert time.monotonic() - begun < 15


@pytest.mark.parametrize("act", ["status", "logs", "cancel", "fetch", "exec"])
def test_a_job_that_was_never_started_is_not_found(executor, tmp_path, act):
    (tmp_path / "slot").mkdir()
    calls = {
        "status": lambda: executor.status("no-1"),
        "logs": lambda: executor.logs("no-1", 0),
        "cancel": lambda: executor.cancel("no-1", 1),
        "fetch": lambda: executor.fetch("no-1", "x", str(tmp_path / "x")),
        "exec": lambda: executor.exec("no-1", ["true"]),
    }
    with pytest.raises(NotFound):
        calls[act]()
    assert list(executor.usage("no-1")) == []


def test_a_start_that_was_cut_short_is_no_job_and_can_be_made_again(executor, tmp_path):
    directory = tmp_path / "slot" / "otter-1"
    directory.mkdir(parents=True, mode=0o700)
    (directory / "job.json").write_text("{}")
    with pytest.raises(NotFound):
        executor.status("otter-1")
    executor.start(job(tmp_path))
    assert wait(executor).exit_code == 0


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a\0b", ".runner"])
def test_a_job_cannot_be_named_like_a_path(executor, tmp_path, name):
    with pytest.raises(UsageError):
        executor.start(job(tmp_path, id=name))
    assert not (tmp_path / "slot").exists()


def test_processes_are_listed(executor, tmp_path):
    executor.start(job(tmp_path, "import time; open('ready', 'w'); time.sleep(60)"))
    while not (tmp_path / "ready").exists():
        time.sleep(0.01)
    (process,) = executor.processes("otter-1")
    assert process.pid == executor.status("otter-1").pid
    assert process.command[1] == "-c"
    with pytest.raises(NotFound):
        executor.processes("no-1")


def test_usage_comes_as_samples(executor, tmp_path):
    executor.start(job(tmp_path, "import time; time.sleep(60)"))
    deadline = time.monotonic() + 10
    while not executor.usage("otter-1"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    sample = executor.usage("otter-1")[0]
    assert sample.at.tzinfo is UTC
    assert sample.processes == 1


def test_relative_paths_are_meant_from_the_working_directory(executor, tmp_path):
    executor.start(job(tmp_path, "open('out.txt', 'w').write('x')"))
    wait(executor)
    executor.fetch("otter-1", "out.txt", str(tmp_path / "home" / "out.txt"))
    assert (tmp_path / "home" / "out.txt").read_text() == "x"
    with pytest.raises(NotFound):
        executor.fetch("otter-1", "gone.txt", str(tmp_path / "home" / "gone.txt"))


def test_exec_has_the_jobs_directory_and_environment_but_no_secrets(executor, tmp_path, capfd):
    env = {"RUNCTL_RUN_ID": "otter", "LR": "0.1"}
    folder = tmp_path / "work"
    folder.mkdir()
    executor.start(
        Job(
            id="otter-1",
            command=("sleep", "60"),
            workdir=str(folder),
            env=env,
            secrets={"TOKEN": "s3cret"},
        )
    )
    script = "echo $RUNCTL_RUN_ID $LR $PWD $RUNCTL_CHECKPOINT_DIR [$TOKEN]; exit 4"
    assert executor.exec("otter-1", ["sh", "-c", script]) == 4
    checkpoints = f"{tmp_path}/slot/otter-1/checkpoints"
    assert capfd.readouterr().out == f"otter 0.1 {folder} {checkpoints} []\n"
    assert executor.exec("otter-1", ["sh", "-c", "kill -9 $$"]) == 137


def test_the_end_of_a_job_spares_a_program_beside_it_and_destroy_does_not(executor, tmp_path):
    import threading

    executor.start(job(tmp_path, "import time; time.sleep(1)"))
    statuses = []
    argv = ["sh", "-c", "echo > beside; exec sleep 60"]
    thread = threading.Thread(target=lambda: statuses.append(executor.exec("otter-1", argv)))
    thread.start()
    assert wait(executor).message == ""
    deadline = time.monotonic() + 5
    while not (tmp_path / "beside").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert statuses == []
    executor.destroy()
    thread.join(10)
    assert statuses == [128 + signal.SIGKILL]


def test_the_runner_is_copied_once_and_anew_when_it_changed(tmp_path):
    transport = Elsewhere()
    executor = RunnerExecutor(transport, str(tmp_path / "slot"))
    executor.start(job(tmp_path))
    executor.start(job(tmp_path, id="otter-2"))
    wait(executor, "otter-2")
    assert len(transport.puts) == 1
    (home,) = (tmp_path / "slot").glob(".runner-*/runner")
    copied = {str(p.relative_to(home)) for p in home.rglob("*.py")}
    folder = os.path.dirname(sources()[0])
    assert copied == {os.path.relpath(p, folder) for p in sources()}


def test_first_starts_at_once_all_find_the_runner_whole(tmp_path):
    executor = RunnerExecutor(Elsewhere(), str(tmp_path / "slot"))
    jobs = [job(tmp_path, id=f"otter-{n}") for n in range(4)]
    with ThreadPoolExecutor(len(jobs)) as pool:
        handles = list(pool.map(executor.start, jobs))
    assert [wait(executor, handle).exit_code for handle in handles] == [0, 0, 0, 0]
    assert len(list((tmp_path / "slot").glob(".runner-*"))) == 1


def test_a_checkpoint_of_this_computer_goes_along(tmp_path):
    executor = RunnerExecutor(Elsewhere(), str(tmp_path / "slot"))
    (tmp_path / "step-3").mkdir()
    (tmp_path / "step-3" / "weights").write_text("w")
    code = "import os; print(os.environ['RUNCTL_RESUME_FROM'], os.listdir(os.environ['RUNCTL_RESUME_FROM']))"
    executor.start(job(tmp_path, code, resume_from=str(tmp_path / "step-3")))
    wait(executor)
    assert executor.logs("otter-1", 0) == f"{tmp_path}/slot/.resume/otter-1/step-3 ['weights']\n".encode()


@pytest.mark.parametrize("version", ["3.8", "3.13"])
def test_other_interpreters_run_the_runner(tmp_path, version):
    found = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python3"))
    python = str(found[0]) if found else sys.executable
    executor = RunnerExecutor(Elsewhere(), str(tmp_path / "slot"), python=python)
    executor.start(job(tmp_path, "import time; print('x'); time.sleep(1)", idle_s=60.0))
    status = wait(executor)
    assert (status.exit_code, executor.logs("otter-1", 0)) == (0, b"x\n")
    executor.start(job(tmp_path, "import time; time.sleep(60)", id="otter-2"))
    executor.destroy()
    assert executor.status("otter-2").ended_by is EndedBy.CANCEL


def test_a_machine_without_python_is_told(tmp_path):
    for transport in (LocalTransport(), Elsewhere()):
        executor = RunnerExecutor(transport, str(tmp_path / "slot"), python="no-such-python")
        with pytest.raises(SetupError) as caught:
            executor.start(job(tmp_path))
        assert "no-such-python" in caught.value.message
        assert "Python 3.8" in caught.value.fix


def test_an_interpreter_that_fails_leaves_the_outcome_open(tmp_path):
    executor = RunnerExecutor(LocalTransport(), str(tmp_path / "slot"), python="false")
    with pytest.raises(UnknownOutcome):
        executor.start(job(tmp_path))


def test_a_disk_that_takes_nothing_at_the_start_is_one_clear_error(tmp_path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nulimit -f 0\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    executor = RunnerExecutor(LocalTransport(), str(tmp_path / "slot"), python=str(python))
    with pytest.raises(SetupError) as caught:
        executor.start(job(tmp_path))
    assert "File too large" in caught.value.why
    assert caught.value.fix
    mended = RunnerExecutor(LocalTransport(), str(tmp_path / "slot"))
    mended.start(job(tmp_path))
    assert wait(mended).exit_code == 0


def test_a_disk_that_takes_nothing_delays_the_end_but_never_falsifies_it(tmp_path):
    executor = RunnerExecutor(LocalTransport(), str(tmp_path / "slot"))
    executor.start(job(tmp_path, "import time; time.sleep(1.5); raise SystemExit(5)"))
    while executor.status("otter-1").pid is None:  # the script must not inherit the runner's limit
        time.sleep(0.01)
    state = json.loads((tmp_path / "slot" / "otter-1" / "state.json").read_bytes())
    before = resource.prlimit(state["runner_pid"], resource.RLIMIT_FSIZE, (0, -1))
    time.sleep(8)
    assert not executor.status("otter-1").phase.over
    resource.prlimit(state["runner_pid"], resource.RLIMIT_FSIZE, before)
    assert wait(executor, timeout_s=5).exit_code == 5


def test_an_unreadable_directory_is_one_clear_error(tmp_path):
    executor = RunnerExecutor(LocalTransport(), str(tmp_path / "slot"))
    executor.start(job(tmp_path))
    wait(executor)
    directory = tmp_path / "slot" / "otter-1"
    shutil.rmtree(directory / "checkpoints")
    (directory / "state.json").unlink()
    (directory / "state.json").mkdir()
    with pytest.raises(StateError) as caught:
        executor.status("otter-1")
    assert caught.value.fix


def test_a_damaged_job_file_is_one_clear_error(tmp_path):
    executor = RunnerExecutor(LocalTransport(), str(tmp_path / "slot"))
    executor.start(job(tmp_path))
    wait(executor)
    (tmp_path / "slot" / "otter-1" / "job.json").write_text('{"workdir"')
    with pytest.raises(StateError, match="damaged"):
        executor.exec("otter-1", ["true"])
    (tmp_path / "slot" / "otter-1" / "usage.json").write_text('{"samples": [{}]}')
    assert list(executor.usage("otter-1")) == []


def test_arguments_of_any_bytes_arrive(executor, tmp_path):
    argument = os.fsdecode(b"caf\xe9 \xf0\x9f\xa6\xa6 'q' \n$X")
    code = "import os, sys; os.write(1, os.fsencode(sys.argv[1]))"
    command = (sys.executable, "-c", code, argument)
    executor.start(Job(id="otter-1", command=command, workdir=str(tmp_path)))
    wait(executor)
    assert executor.logs("otter-1", 0) == os.fsencode(argument)


def test_many_statuses_a_second_are_cheap(tmp_path):
    executor = RunnerExecutor(LocalTransport(), str(tmp_path / "slot"))
    executor.start(job(tmp_path, deadline=datetime.now(UTC) + timedelta(hours=1)))
    wait(executor)
    begun = time.process_time()
    for _ in range(200):
        executor.status("otter-1")
    assert time.process_time() - begun < 1.0


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A job with a log of odd bytes, and that log."""
    folder = tmp_path_factory.mktemp("finished")
    executor = RunnerExecutor(LocalTransport(), str(folder / "slot"))
    code = "import os; os.write(1, bytes(range(256)) * 40 + b'\\r\\n' * 300)"
    executor.start(job(folder, code))
    wait(executor)
    return folder, bytes(range(256)) * 40 + b"\r\n" * 300


@pytest.mark.parametrize("transport", [LocalTransport, Elsewhere])
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(limits=st.lists(st.integers(1, 4000), min_size=1), start=st.integers(0, 12000))
def test_any_sequence_of_reads_gives_the_same_bytes(finished, transport, limits, start):
    folder, log = finished
    executor = RunnerExecutor(transport(), str(folder / "slot"))
    offset, got = start, b""
    for limit in limits:
        piece = executor.logs("otter-1", offset, limit=limit)
        assert len(piece) <= limit
        offset, got = offset + len(piece), got + piece
    assert got == log[start : start + sum(limits)]
