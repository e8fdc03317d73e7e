"""`runctl why` explains each kind of end from evidence, and the command that it names works.

Each script here fails until a file `mended` is there, so that the named command can be run for real.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from typing import Any

import pytest

from homes import Home, wait_for

UNTIL_MENDED = "import os, sys\nif os.path.exists('mended'): print('went well'); sys.exit()\n"
SLEEPS = "import time\nprint('begun', flush=True)\ntime.sleep(300)\n"

GPU_THAT_GOES = """#!/bin/sh
case $1 in --query-compute*) exit 0;; esac
[ ! -e mended ] && ls "$RUNCTL_STATE_DIR"/runs/* >/dev/null 2>&1 && exit 0
echo "GPU-1, NVIDIA H100, 81920"
"""
"""There when offers are asked for, and gone when a run wants it."""


def _why(home: Home, run: str = "latest") -> dict[str, Any]:
    told: dict[str, Any] = home.json("why", run)
    printed = home.runctl("why", run).stdout.decode()
    assert told["summary"] in printed
    assert f"next: {told['fix']}" in printed
    for line in (*told["evidence"], *told["tail"]):
        assert line in printed
    return told


def _assert_next_command_works(home: Home, told: dict[str, Any]) -> subprocess.CompletedProcess[bytes]:
    home.write("mended", "")
    program, *words = shlex.split(told["fix"])
    assert program == "runctl"
    done = home.runctl(*words)
    assert done.returncode == 0, f"{told['fix']}: {done.stderr.decode()}"
    return done


def _assert_resumed(home: Home, told: dict[str, Any]) -> None:
    assert b"went well\n" in _assert_next_command_works(home, told).stdout
    assert home.state_of("latest") == "succeeded"


def test_an_exception_is_named_from_its_traceback(home: Home) -> None:
    raises = "class ShapeMismatch(ValueError): pass\nraise ShapeMismatch('2 != 3\\nsee')"
    home.write("s.py", UNTIL_MENDED + raises)
    assert home.runctl("train", "s.py").returncode == 1
    told = _why(home)
    assert told["summary"] == "the script raised ShapeMismatch"
    assert told["evidence"] == ["exit status 1", "the last exception: ShapeMismatch: 2 != 3"]
    assert told["tail"][-1] == "see"
    assert b"ShapeMismatch" in _assert_next_command_works(home, told).stdout


def test_an_exception_that_the_script_only_logged_is_not_blamed(home: Home) -> None:
    home.write(
        "s.py",
        UNTIL_MENDED
        + "import traceback\ntry: 1 / 0\nexcept ZeroDivisionError: traceback.print_exc()\nsys.exit(3)",
    )
    home.runctl("train", "s.py")
    told = _why(home)
    assert told["summary"] == "the script ended itself with exit status 3"
    _assert_next_command_works(home, told)


def test_a_signal_from_elsewhere_is_named(home: Home) -> None:
    home.write("s.py", UNTIL_MENDED + "import signal; os.kill(os.getpid(), signal.SIGSEGV)")
    home.runctl("train", "s.py")
    told = _why(home)
    assert told["summary"] == "the script was ended by SIGSEGV, not by runctl"
    assert told["evidence"] == ["ended by signal 11 (SIGSEGV)"]
    _assert_resumed(home, told)


def test_a_deadline_is_named_with_its_moment(home: Home) -> None:
    home.write("s.py", UNTIL_MENDED + SLEEPS)
    home.runctl("train", "s.py", "--max-hours", "0.002", "--grace-seconds", "0")
    told = _why(home)
    assert told["summary"] == "it was ended by its deadline"
    assert f"the deadline was {home.json('status', 'latest')['deadline_at']}" in told["evidence"]
    assert told["fix"].endswith("--max-hours 0.002")
    _assert_resumed(home, told)


def test_the_idle_rule_is_named_with_its_length(home: Home) -> None:
    home.write("s.py", UNTIL_MENDED + SLEEPS)
    home.runctl("train", "s.py", "--idle-minutes", "0.03", "--grace-seconds", "0")
    told = _why(home)
    assert told["summary"] == "it was ended by its idle rule"
    assert "no output, checkpoint or work for 0.03 min" in told["evidence"]
    assert told["tail"] == ["begun"]
    _assert_resumed(home, told)


def test_a_set_up_that_failed_shows_its_own_last_lines(home: Home) -> None:
    home.write("s.py", "# /// script\n# dependencies = []\n# ///\nprint('went well')")
    uv = home.write(
        "bin/uv",
        "#!/bin/sh\nif [ ! -e mended ]; then echo no such package; exit 2; fi\n"
        '[ "$1" = run ] || exit 0; while [ "$1" != --script ]; do shift; done; shift; exec python3 "$@"\n',
    )
    uv.chmod(0o755)
    home.env["PATH"] = f"{uv.parent}:{home.env['PATH']}"
    assert home.runctl("train", "s.py").returncode == 111
    told = _why(home)
    assert told["summary"] == "its environment could not be made"
    assert told["tail"] == ["no such package"]
    _assert_resumed(home, told)


def test_a_runner_that_was_killed_is_a_lost_run(home: Home) -> None:
    home.write("s.py", UNTIL_MENDED + SLEEPS)
    run = home.detached("s.py")
    wait_for(lambda: home.job(run)["phase"] == "running")
    os.kill(home.job(run)["runner_pid"], signal.SIGKILL)
    wait_for(lambda: home.state_of(run) == "lost")
    told = _why(home, run)
    assert told["summary"] == "its runner died, so nobody saw how it ended"
    assert told["evidence"]
    _assert_resumed(home, told)


def test_a_run_that_was_stopped_says_so(home: Home) -> None:
    home.write("s.py", UNTIL_MENDED + SLEEPS)
    run = home.detached("s.py")
    home.runctl("stop", run)
    told = _why(home, run)
    assert told["summary"] == "it was stopped with `runctl stop`"
    _assert_resumed(home, told)


def test_a_machine_that_was_shut_down_is_not_taken_for_a_stop_by_hand(home: Home) -> None:
    home.write("s.py", UNTIL_MENDED + SLEEPS)
    run = home.detached("s.py")
    wait_for(lambda: home.job(run)["phase"] == "running")
    os.kill(home.job(run)["runner_pid"], signal.SIGTERM)
    wait_for(lambda: home.state_of(run) == "cancelled")
    told = _why(home, run)
    assert told["summary"] == "it was stopped: the runner received signal 15"
    _assert_resumed(home, told)


def test_a_launch_that_failed_says_why(home: Home) -> None:
    home.write("s.py", UNTIL_MENDED)
    program = home.write("nvidia-smi", GPU_THAT_GOES)
    program.chmod(0o755)
    home.env["RUNCTL_LOCAL_NVIDIA_SMI"] = str(program)
    failed = home.runctl("train", "s.py", "--gpu", "H100")
    assert failed.returncode == 106
    told = _why(home)
    assert told["summary"] == "the script never started"
    assert "H100" in told["evidence"][0]
    _assert_resumed(home, told)


def test_a_program_that_cannot_be_executed_is_no_failure_of_the_script(home: Home) -> None:
    script = home.write("train.sh", "#!/no/such/interpreter\n")
    script.chmod(0o755)
    assert home.runctl("train", "train.sh").returncode == 127
    told = _why(home)
    assert told["summary"] == "the program could not be executed"
    assert any("cannot execute" in line for line in told["evidence"])
    home.write("train.sh", "#!/bin/sh\necho went well\n")
    _assert_resumed(home, told)


@pytest.mark.parametrize("state", ["running", "succeeded"])
def test_a_run_that_did_not_fail_has_a_next_command_too(home: Home, state: str) -> None:
    home.write("s.py", UNTIL_MENDED + SLEEPS)
    if state == "succeeded":
        home.write("mended", "")
    run = home.detached("s.py")
    wait_for(lambda: home.state_of(run) == state)
    told = _why(home, run)
    assert told["state"] == state
    _assert_next_command_works(home, told)
