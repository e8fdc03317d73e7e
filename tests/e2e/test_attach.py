"""A person at a terminal: Ctrl-C detaches, the run goes on, and coming back is said."""

from __future__ import annotations

from homes import Home, wait_for
from terminals import Terminal

GOES_ON = """
import os, signal, time
signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
print("begun")
while not os.path.exists("go"): time.sleep(0.02)
print("ended")
"""


def _finish(home: Home) -> bytes:
    home.write("go", "")
    wait_for(lambda: home.state_of("latest") == "succeeded", why="the run did not go on")
    return home.runctl("logs", "latest").stdout


def test_ctrl_c_on_the_terminal_does_not_reach_the_script(home: Home) -> None:
    home.write("s.py", GOES_ON)
    with Terminal(home, "train", "s.py") as terminal:
        terminal.until("begun")
        run = home.json("ps")[0]["run"]
        terminal.press("\x03")
        terminal.until("detached")
        assert terminal.status() == 130
    assert f"runctl attach {run}" in terminal.shown
    assert f"runctl stop {run}" in terminal.shown
    assert _finish(home) == b"begun\nended\n"


def test_an_impatient_second_ctrl_c_leaves_no_traceback_and_no_harm(home: Home) -> None:
    home.write("s.py", GOES_ON)
    with Terminal(home, "train", "s.py") as terminal:
        terminal.until("begun")
        terminal.press("\x03\x03\x03")
        assert terminal.status() == 130
    assert "Traceback" not in terminal.shown
    assert _finish(home) == b"begun\nended\n"


def test_ctrl_c_leaves_an_attached_run_too(home: Home) -> None:
    home.write("s.py", GOES_ON)
    run = home.detached("s.py")
    for command in (["attach", run], ["logs", run, "-f"]):
        with Terminal(home, *command) as terminal:
            terminal.until("begun")
            terminal.press("\x03")
            assert terminal.status() == 130
        assert f"runctl attach {run}" in terminal.shown
    assert _finish(home) == b"begun\nended\n"


def test_the_terminal_says_what_was_got_and_how_to_leave(home: Home) -> None:
    home.write("s.py", "print('accuracy 0.97')")
    with Terminal(home, "train", "s.py", "--max-hours", "2") as terminal:
        assert terminal.status() == 0
    run = home.json("runs")[0]["run"]
    for words in (
        "s.py: a plain script",
        "looked first for a PEP 723 header, uv.lock, pyproject.toml, requirements.txt",
        f"{run} on local cpu: free, ends by itself at ",
        f"Ctrl-C detaches, and {run} goes on",
        "accuracy 0.97",
        f"{run} succeeded: s.py, exit status 0, ",
        "$0.00",
        f"/{run}/attempt-1.log",
        f"/{run}/receipt.json",
    ):
        assert words in terminal.shown, f"a person is not told: {words}"
    assert "\033[" not in terminal.shown.partition("accuracy")[0], "colours say nothing here"


def test_exec_gives_the_program_the_terminal(home: Home) -> None:
    home.write("s.py", GOES_ON)
    run = home.detached("s.py")
    ask = "test -t 0 && test -t 1 && printf 'name? ' && read name && echo hello $name; exit 4"
    with Terminal(home, "exec", run, "--", "sh", "-c", ask) as terminal:
        terminal.until("name? ")
        terminal.press("otter\n")
        assert terminal.status() == 4
    assert "hello otter" in terminal.shown


def test_ctrl_c_in_exec_is_for_the_program(home: Home) -> None:
    home.write("s.py", GOES_ON)
    run = home.detached("s.py")
    program = "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done"
    with Terminal(home, "exec", run, "--", "sh", "-c", program) as terminal:
        terminal.until("ready")
        terminal.press("\x03")
        assert terminal.status() == 9
    assert "caught" in terminal.shown
    assert _finish(home) == b"begun\nended\n"


def test_stop_says_what_it_will_do_before_it_does_it(home: Home) -> None:
    home.write("s.py", GOES_ON)
    run = home.detached("s.py", "--grace-seconds", "7")
    resource = home.json("status", run)["resource"]
    done = home.runctl("stop", run)
    told = done.stderr.decode().splitlines()
    assert told[0] == f"stopping {run}: SIGTERM, and SIGKILL after 7.0 s"
    assert told[1] == f"  then {resource} is let go"
    assert told[2] == f"{run} cancelled: stopped"
    assert done.returncode == 0
