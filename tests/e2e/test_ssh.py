"""`runctl ssh`: a shell beside a run."""

from __future__ import annotations

import subprocess

import pytest

from homes import RUNCTL, Home
from terminals import Terminal

GOES_ON = "import time\nprint('begun', flush=True)\ntime.sleep(300)"


def test_a_shell_on_a_terminal_is_in_the_runs_directory_with_its_variables(home: Home) -> None:
    home.write("s.py", GOES_ON)
    run = home.detached("s.py")
    with Terminal(home, "ssh", run) as terminal:
        terminal.press("echo in:$PWD run:$RUNCTL_RUN_ID; exit 6\n")
        terminal.until(f"in:{home.work} run:{run}")
        assert terminal.status() == 6
    assert home.state_of(run) == "running", "leaving the shell ended the run"


def test_a_script_for_the_shell_comes_from_a_pipe(home: Home) -> None:
    home.write("s.py", GOES_ON)
    run = home.detached("s.py")
    done = subprocess.run(
        [RUNCTL, "ssh", run],
        input=b"pwd; exit 3",
        cwd=home.root,
        env=home.env,
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (3, f"{home.work}\n".encode())


def test_a_machine_that_brings_no_ports_says_so(home: Home) -> None:
    home.write("s.py", GOES_ON)
    run = home.detached("s.py")
    done = home.runctl("ssh", run, "-N", "-L", "8888:localhost:8888")
    assert done.returncode == 113
    assert b"this machine is the computer that you are on" in done.stderr


@pytest.mark.parametrize("text", ["x", "8888:localhost", "8888::", "1:h:x", "70000:h:1", "1:h:70000"])
def test_what_is_no_port_is_refused_with_an_example(home: Home, text: str) -> None:
    done = home.runctl("ssh", "latest", "-L", text)
    assert done.returncode == 101
    assert b"-L 8888:localhost:8888" in done.stderr


def test_no_shell_and_no_port_is_nothing(home: Home) -> None:
    done = home.runctl("ssh", "latest", "-N")
    assert done.returncode == 101
    assert b"add -L" in done.stderr


def test_a_run_that_is_over_has_no_machine(home: Home) -> None:
    home.write("s.py", "print('x')")
    home.runctl("train", "s.py")
    done = home.runctl("ssh", "latest")
    assert done.returncode == 104
    assert b"has no machine" in done.stderr
