"""A terminal that closes, a command that is killed, Ctrl-C: the run goes on."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time

from homes import RUNCTL, Home, wait_for

COUNT = "import time\nfor i in range(40): print('line', i, flush=True); time.sleep(0.05)\n"
EXPECTED = b"".join(b"line %d\n" % i for i in range(40))


def _finished(home: Home, run: str) -> bool:
    return home.state_of(run) not in ("running", "setting_up", "collecting")


def _started(home: Home) -> str:
    return str(wait_for(lambda: home.runctl("logs", "latest").stdout and home.json("ps")[0]["run"]))


def _assert_whole(home: Home, run: str) -> None:
    wait_for(lambda: _finished(home, run), seconds=20)
    document = home.json("status", run)
    assert (document["state"], document["exit_code"]) == ("succeeded", 0)
    assert home.runctl("logs", run).stdout == EXPECTED
    assert home.json("ps") == []


def test_kill_9_of_the_command_does_not_touch_the_run(home: Home) -> None:
    home.write("s.py", COUNT)
    command = home.start("train", "s.py")
    run = _started(home)
    command.send_signal(signal.SIGKILL)
    command.wait()
    _assert_whole(home, run)


def test_a_closed_terminal_does_not_touch_the_run(home: Home) -> None:
    home.write("s.py", COUNT)
    ours, theirs = pty.openpty()
    command = subprocess.Popen(
        [RUNCTL, "train", "s.py"],
        cwd=home.work,
        env=home.env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_controlling_terminal,
    )
    os.close(theirs)
    run = _started(home)
    os.close(ours)  # the kernel sends SIGHUP to the terminal's session
    assert command.wait(timeout=10) != 0
    _assert_whole(home, run)


def _controlling_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_ctrl_c_detaches_and_says_how_to_come_back(home: Home) -> None:
    home.write("s.py", COUNT)
    command = home.start("train", "s.py")
    run = _started(home)
    command.send_signal(signal.SIGINT)
    _, stderr = command.communicate(timeout=10)
    assert command.returncode == 130
    assert f"runctl attach {run}".encode() in stderr
    attached = home.runctl("attach", run)
    assert attached.returncode == 0
    assert EXPECTED.endswith(attached.stdout[-50:])
    _assert_whole(home, run)


def test_followers_in_several_terminals_each_get_every_byte(home: Home) -> None:
    home.write("s.py", COUNT)
    run = home.detached("s.py")
    followers = [home.start("logs", run, "-f") for _ in range(3)]
    for follower in followers:
        stdout, stderr = follower.communicate(timeout=30)
        assert stdout == EXPECTED, stderr
    _assert_whole(home, run)


def test_a_reader_that_leaves_early_ends_quietly(home: Home) -> None:
    home.write("s.py", "for i in range(200000): print('line', i)")
    done = subprocess.run(
        ["sh", "-c", f"{RUNCTL} train s.py | head -n 2"],
        cwd=home.work,
        env=home.env,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == b"line 0\nline 1\n"
    assert b"Traceback" not in done.stderr
    wait_for(lambda: _finished(home, "latest"))
    assert home.state_of("latest") == "succeeded"


def test_in_a_real_terminal_a_person_sees_the_run_and_its_end(home: Home) -> None:
    home.write("s.py", "print('accuracy 0.97')")
    name = f"runctl-{os.getpid()}-{time.monotonic_ns()}"
    tmux = ["tmux", "-L", name]
    subprocess.run(
        [*tmux, "new-session", "-d", "-x", "80", "-y", "24", "-s", name, "sh"],
        cwd=home.work,
        env={**home.env, "PS1": "$ "},
        check=True,
    )
    try:
        subprocess.run([*tmux, "send-keys", f"{RUNCTL} train s.py; {RUNCTL} runs", "Enter"], check=True)

        def screen() -> str:
            shown = subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True)
            return shown.stdout if "STARTED" in shown.stdout else ""

        seen = wait_for(screen, seconds=20, why="the table of runs never appeared")
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
    assert "accuracy 0.97" in seen
    assert "a plain script" in seen
    assert "succeeded" in seen
