"""However `runctl top` ends, the terminal is given back as it was, and at once."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from homes import RUNCTL, Home, wait_for
from tmux import Tmux
from top_scene import Scene

BEFORE = "echo before-$((40+2))"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One for all: a dashboard that ends changes nothing."""
    scene = Scene(Home(tmp_path_factory.mktemp("scene")))
    yield scene
    scene.end()


def shown_again(tmux: Tmux, status: int) -> str:
    """The first screen, once the shell tells the status with which the dashboard has ended."""
    shown = tmux.until(f"status {status}.")
    assert "before-42" in shown, f"what stood on the terminal before is gone:\n{shown}"
    assert (tmux.says("alternate_on"), tmux.says("cursor_flag")) == ("0", "1"), "the cursor is not back"
    tmux.type("echo ty''ped")
    return tmux.until("typed")


def begun(tmux: Tmux, scene: Scene) -> None:
    """Begin the dashboard after something else stood on the terminal."""
    tmux.type(BEFORE)
    tmux.until("before-42")
    tmux.type(f"{RUNCTL} top; echo status $?.")
    tmux.until(scene.run)
    assert tmux.says("alternate_on") == "1"


def pid_of(tmux: Tmux) -> int:
    """The dashboard's process."""
    shell = tmux.says("pane_pid")
    (child,) = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
    return int(child)


@pytest.mark.parametrize("key", ["q", "C-c"])
def test_leaving_it_gives_the_terminal_back(scene: Scene, key: str) -> None:
    with Tmux(scene.home, 80, 24) as tmux:
        begun(tmux, scene)
        tmux.press(key)
        shown_again(tmux, 0)
    assert scene.home.state_of(scene.run) == "running", "leaving it is no reason to end a run"


def test_ctrl_c_leaves_a_page_and_a_question_too(scene: Scene) -> None:
    with Tmux(scene.home, 80, 24) as tmux:
        begun(tmux, scene)
        tmux.press("s")
        tmux.until("y: yes, do it")
        tmux.press("C-c")
        shown_again(tmux, 0)
    assert scene.home.state_of(scene.run) == "running"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(scene: Scene, number: signal.Signals) -> None:
    with Tmux(scene.home, 80, 24) as tmux:
        begun(tmux, scene)
        os.kill(pid_of(tmux), number)
        shown_again(tmux, 128 + number)


def test_a_terminal_that_goes_away_leaves_no_process_behind(scene: Scene) -> None:
    with Tmux(scene.home, 80, 24) as tmux:
        begun(tmux, scene)
        pid = pid_of(tmux)
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), why="it goes on without a terminal")


def test_ctrl_z_suspends_it_and_fg_brings_its_picture_back(scene: Scene) -> None:
    """The line of keys never changes by itself: when it is seen after `fg`, all was drawn anew."""
    with Tmux(scene.home, 80, 24) as tmux:
        begun(tmux, scene)
        tmux.press("C-z")
        shown = tmux.until("Stopped")
        assert "before-42" in shown
        tmux.type("fg; echo status $?.")
        tmux.until("q quit")
        tmux.press("q")
        shown_again(tmux, 0)


def test_a_fault_is_told_in_a_line_and_gives_the_terminal_back(home: Home) -> None:
    """The plan of a run was damaged by hand: no rule foresees that, and no command can read it."""
    home.write("empty.py", "")
    assert home.runctl("train", "empty.py").returncode == 0
    with closing(sqlite3.connect(home.state / "state.db")) as db, db:
        db.execute("UPDATE plans SET plan = '{}'")
    with Tmux(home, 80, 24) as tmux:
        tmux.type(BEFORE)
        tmux.type(f"{RUNCTL} top; echo status $?.")
        shown = shown_again(tmux, 100)
    assert "error: runctl itself is at fault" in shown
    assert "Traceback" not in shown
    assert list(home.state.glob("crash-*.log")), "nobody can find out where it was"


def test_what_is_under_way_is_named_when_it_is_left(home: Home) -> None:
    home.write(
        "stubborn.py",
        "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(300)",
    )
    run = home.detached("stubborn.py")
    wait_for(lambda: b"up" in home.runctl("logs", run).stdout)
    try:
        with Tmux(home, 80, 24) as tmux:
            tmux.type(f"{RUNCTL} top; echo status $?.")
            tmux.until(run)
            tmux.press("s")
            tmux.until("y: yes, do it")
            tmux.press("y")
            tmux.until(f"stopping {run}")
            tmux.press("q")
            shown = tmux.until("status 0.")
        assert f"stopping {run} was under way: runctl status {run}" in shown
    finally:
        home.runctl("stop", run, "--grace-seconds", "0")
