"""`runctl top` in a real tmux: what a person sees, at the sizes and on the terminals that they have."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator

import pytest

from homes import RUNCTL, Home
from tmux import Tmux
from top_scene import Scene

COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;\d+)*m")
"""An escape sequence that chooses a colour; 39 and 49 choose the terminal's own."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One for all: looking at it changes nothing."""
    scene = Scene(Home(tmp_path_factory.mktemp("scene")))
    yield scene
    scene.end()


def all_of(*texts: str) -> Callable[[str], bool]:
    """Whether a screen shows all of these: they come from threads of their own."""
    return lambda shown: all(text in shown for text in texts)


def line_with(shown: str, text: str) -> str:
    """The one line of a screen that has a text in it."""
    (line,) = (line for line in shown.splitlines() if text in line)
    return line


def cells(shown: str, text: str) -> list[str]:
    """The words of the row that has a text in it, the cursor left out."""
    return line_with(shown, text).removeprefix(">").split()


def test_80x24_shows_runs_resources_money_and_the_log_of_the_live_run(scene: Scene) -> None:
    with scene.top(80, 24) as tmux:
        shown = tmux.until(all_of("b-1", "alpha/i-gpu", "\nepoch", "$3.75", "1 checkpoint"))
    assert "now $3.75/h +1 unknown " in shown, "2.50 + 1.00 + 0.25, and it is said that i-dark is left out"
    assert cells(shown, "alpha/i-gpu")[1:] == ["running", "2", "h", "$2.50", "<$0.01", "H100:2"]
    assert cells(shown, "alpha/i-dark")[1:6] == ["running", "2", "h", "unknown", "unknown"]
    assert cells(shown, "fails.py")[1] == "failed"
    assert line_with(shown, f"> {scene.run}").split()[2] == "running", "the cursor is on the live run"
    assert "1 checkpoint, newest step 7" in shown
    assert "x-theirs" not in shown, "what runctl did not make is not mine"
    assert shown.splitlines()[-1].endswith("q quit"), "the keys are not all to be seen"


def test_200x50_has_more_columns_and_the_log_beside_the_tables(scene: Scene) -> None:
    with scene.top(200, 50) as tmux:
        shown = tmux.until(all_of("b-1", "alpha/i-gpu", "epoch", "1 checkpoint"))
    assert re.search(r"RUNS 2 .* PROVIDER +PROJECT", shown)
    assert re.search(rf"> {scene.run} +running .* local +work +LOG {scene.run} · 1 checkpoint", shown)
    assert "local/local-" in line_with(shown, "free     $0.00 cpu")
    assert scene.run in line_with(shown, "local/local-"), "which run a resource is for is not to be seen"


def test_the_log_of_the_live_run_goes_on(scene: Scene) -> None:
    def last(shown: str) -> int:
        return max(map(int, re.findall(r"^epoch (\d+)$", shown, re.MULTILINE)), default=-1)

    with scene.top() as tmux:
        seen = last(tmux.until(lambda s: last(s) >= 0))
        tmux.until(lambda s: last(s) > seen + 10)


def test_without_colour_there_is_none_and_the_cursor_is_seen_all_the_same(scene: Scene) -> None:
    with scene.top() as tmux:
        tmux.until("alpha/i-gpu")
        assert COLOUR.search(tmux.screen(codes=True)), "with colours, what runs is green"
    with scene.top(command="NO_COLOR=1 %s top") as tmux:
        tmux.until("alpha/i-gpu")
        shown = tmux.screen(codes=True)
    assert not COLOUR.search(shown), f"NO_COLOR is set: {shown!r}"
    assert f"> {scene.run}" in shown


@pytest.mark.parametrize("term", ["xterm", "screen", "linux"])
def test_old_terminals_show_it_too(scene: Scene, term: str) -> None:
    with scene.top(command=f"TERM={term} %s top") as tmux:
        shown = tmux.until(all_of("alpha/i-gpu", "LOG", "CPU"))
    assert f"> {scene.run}" in shown
    if term == "linux":
        assert shown.isascii(), "the font of the console has no such signs"


def test_a_filter_leaves_only_what_fits_and_escape_shows_all_again(scene: Scene) -> None:
    with scene.top() as tmux:
        tmux.until("alpha/i-gpu")
        tmux.press("/")
        tmux.until("show only rows with this text")
        tmux.press(*"i-gpu", "Enter")
        shown = tmux.until(lambda s: "b-1" not in s and "RUNS 0" in s)
        assert "alpha/i-gpu" in shown
        assert "nothing fits 'i-gpu': escape shows all" in shown
        tmux.press("Escape")
        tmux.until(all_of("b-1", scene.run))


def test_all_shows_what_others_have_and_tells_it_is_not_mine(scene: Scene) -> None:
    with scene.top(200, 50) as tmux:
        tmux.until("alpha/i-gpu")
        tmux.press("a")
        tmux.until("alpha/x-theirs")
        tmux.press("a")
        tmux.until(lambda s: "alpha/x-theirs" not in s)


def test_enter_tells_everything_of_a_run(scene: Scene) -> None:
    with scene.top() as tmux:
        tmux.until("1 checkpoint")
        tmux.press("Enter")
        shown = tmux.until("escape closes")
    assert "count.py" in shown
    assert "step-7.pt" in shown


def test_enter_tells_everything_of_a_resource(scene: Scene) -> None:
    with scene.top() as tmux:
        tmux.until("alpha/i-dark")
        tmux.press("Tab", "Enter")
        shown = tmux.until("escape closes")
    assert "unknown price" in line_with(shown, "price ")


def test_a_provider_that_hangs_is_named_and_the_keys_answer_at_once(scene: Scene) -> None:
    assert scene.home.runctl("resources", "list", "--provider", "beta").returncode == 0
    asked = len(scene.fleet.calls("beta"))
    scene.fleet.misbehave("beta", hang=["list"])
    try:
        with scene.top() as tmux:
            shown = tmux.until("! beta: no answer for")
            assert "alpha/i-gpu" in shown, "one that hangs held up another"
            assert "beta/b-1" in shown, "what the books know of it is not shown"
            tmux.press("?")
            tmux.until("escape closes")
            tmux.press("Escape")
            tmux.until("RESOURCES")
            tmux.press("q")
            tmux.left()
        assert scene.fleet.calls("beta")[asked:] == ["list"], "it hung no longer when the keys answered"
    finally:
        scene.fleet.misbehave("beta")


def test_a_provider_that_fails_is_named_with_its_reason(scene: Scene) -> None:
    scene.fleet.misbehave("beta", fail={"list": "AuthenticationError"})
    try:
        with scene.top(200, 50) as tmux:
            shown = tmux.until("! beta failed")
        assert "beta fails to list" in line_with(shown, "! beta failed")
    finally:
        scene.fleet.misbehave("beta")


def test_a_hostile_log_moves_no_cursor_and_breaks_no_picture(scene: Scene) -> None:
    home = scene.home
    home.write(
        "hostile.py",
        "import sys, os, time\n"
        "out = sys.stdout.buffer\n"
        "out.write(b'\\x1b[2J\\x1b[H\\x1b]0;owned\\x07\\x1b[31mred\\x1b[0m\\n' + b'x' * 3000000 + b'\\n')\n"
        "out.write(bytes(range(256)) + b'\\n' + b'10%\\r55%\\r100%\\n')\n"
        "out.flush(); time.sleep(300)",
    )
    run = home.detached("--provider", "local", "hostile.py")
    try:
        with scene.top(wait=run) as tmux:
            shown = tmux.until("100%")
            assert "55%" not in shown, "what a progress bar wrote over is not to be seen"
            assert line_with(shown, f"LOG {run}").strip().endswith("─")
            assert shown.splitlines()[-1].endswith("q quit"), "the log broke the picture"
            assert tmux.says("pane_title") != "owned"
    finally:
        home.runctl("stop", run, "--grace-seconds", "0")


def test_the_watched_run_is_told_of_at_once_however_seldom_providers_are_asked(home: Home) -> None:
    """Its start and its end come from its own machine; its log stays when it is over."""
    home.write(
        "waits.py",
        "import os, time\nprint('accuracy 0.97', flush=True)\n"
        "while not os.path.exists('go'): time.sleep(0.05)\nprint('the end')",
    )
    run = home.detached("waits.py")
    with Tmux(home, 80, 24) as tmux:
        tmux.type(f"{RUNCTL} top --interval 600")
        tmux.until(lambda s: re.search(rf"> {run} +running", s))
        assert "accuracy 0.97" in tmux.screen()
        home.write("go", "")
        tmux.until(lambda s: re.search(rf"> {run} +succeeded", s))
        shown = tmux.until("the end")
    assert "accuracy 0.97" in shown
    assert (home.state / "runs" / run / "receipt.json").exists(), "its books were not closed"


@pytest.mark.parametrize(("env", "fix"), [({}, "runctl ps --json"), ({"TERM": "dumb"}, "runctl ps --json")])
def test_without_a_terminal_it_names_the_commands_that_print(
    home: Home, env: dict[str, str], fix: str
) -> None:
    done = home.runctl("top", env=env)
    assert done.returncode == 101
    assert fix in done.stderr.decode()
    assert not done.stdout


def test_its_help_has_examples(home: Home) -> None:
    page = subprocess.run([RUNCTL, "top", "--help"], env=home.env, capture_output=True, check=True).stdout
    assert b"runctl top --interval 60" in page
