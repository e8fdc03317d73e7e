"""What the keys of `runctl top` do: each asks first, and then books, providers and processes agree."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from fleet import row
from homes import Home, processes_of
from top_scene import Scene


@pytest.fixture
def scene(home: Home) -> Iterator[Scene]:
    """One for a test that changes something in it."""
    scene = Scene(home)
    yield scene
    scene.end()


@pytest.fixture(scope="module")
def same(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One for all tests in which nothing is to change."""
    scene = Scene(Home(tmp_path_factory.mktemp("scene")))
    yield scene
    scene.end()


def test_stop_asks_and_then_really_stops_the_run(scene: Scene) -> None:
    with scene.top() as tmux:
        tmux.press("s")
        shown = tmux.until("y: yes, do it")
        assert f"Stop {scene.run} (count.py)?" in shown
        assert "SIGKILL after 30 s" in shown
        tmux.press("y")
        tmux.until(f"{scene.run} cancelled: stopped")
        tmux.until(lambda s: re.search(rf"> {scene.run} +cancelled", s))
    assert scene.home.state_of(scene.run) == "cancelled"
    assert processes_of(scene.home.state) == []


def test_a_question_that_is_not_agreed_to_does_nothing(same: Scene) -> None:
    with same.top() as tmux:
        for answer in ("n", "Enter", "Escape"):
            tmux.press("s")
            tmux.until("y: yes, do it")
            tmux.press(answer)
            tmux.until("RESOURCES")
    assert same.home.state_of(same.run) == "running"


def test_a_run_that_is_over_is_not_stopped_again(same: Scene) -> None:
    with same.top() as tmux:
        tmux.press("j", "s")
        tmux.until("no live run is selected")


def test_among_resources_stop_means_the_run_of_the_selected_one(same: Scene) -> None:
    with same.top() as tmux:
        tmux.until("alpha/i-dark")
        tmux.press("Tab", "s")
        tmux.until("no live run is selected")
        tmux.press("G", "s")
        tmux.until(f"Stop {same.run} (count.py)?")
        tmux.press("n")


def test_pull_asks_and_then_copies_the_results_so_far(scene: Scene) -> None:
    folder = scene.home.work / scene.run
    with scene.top() as tmux:
        tmux.press("p")
        assert str(folder) in tmux.until("y: yes, do it").replace("\n", "").replace(" ", "").replace("|", "")
        tmux.press("y")
        tmux.until(lambda s: re.search(r"\d files? \(.* copied to", s))
    assert (folder / "checkpoints" / "step-7.pt").read_bytes() == b"x" * 1000
    assert (folder / "attempt-1.log").read_bytes().startswith(b"epoch 0\nepoch 1\n")


def test_pull_does_not_write_into_a_folder_of_something_else(same: Scene) -> None:
    same.home.write(f"{same.run}/mine.txt", "precious")
    with same.top(200, 50) as tmux:
        tmux.press("p")
        tmux.until("holds something else already")
    assert [path.name for path in (same.home.work / same.run).iterdir()] == ["mine.txt"]


def test_cleanup_shows_its_plan_deletes_after_a_yes_and_honours_protection(scene: Scene) -> None:
    scene.fleet.add("alpha", row("i-kept", hourly_usd="4.00", tags={"runctl:protected": "true"}))
    with scene.top(100, 40) as tmux:
        tmux.press("c")
        shown = tmux.until("y: yes, do it")
        assert "Delete 4 resources, which saves $3.75/h +1 unknown?" in shown
        deleted, _, left = shown.partition("Left alone:")
        assert "alpha/i-gpu  $2.50/h; no run needs it" in deleted
        assert "alpha/i-kept" in left, "what is protected stands in a plan to delete"
        assert "local/local-" in left, "the machine of a live run stands in a plan to delete"
        tmux.press("y")
        tmux.until("4 resources deleted")
        tmux.until(lambda s: "b-1" not in s and "now $4.00/h " in s)
    assert scene.fleet.alive("alpha") == ["i-kept", "x-theirs"]
    assert scene.fleet.alive("beta") == []
    assert scene.home.state_of(scene.run) == "running"


def test_cleanup_deletes_nothing_without_a_yes(same: Scene) -> None:
    with same.top() as tmux:
        tmux.press("c")
        tmux.until("y: yes, do it")
        tmux.press("n")
        tmux.until("RESOURCES")
    assert not [call for call in same.fleet.calls("alpha") if call.startswith("terminate")]
    assert same.fleet.gone("alpha") == []


def test_a_refused_deletion_stays_on_the_screen_with_its_mark(scene: Scene) -> None:
    scene.fleet.misbehave("beta", refuse={"b-1": "QuotaError"})
    with scene.top() as tmux:
        tmux.press("c")
        tmux.until("y: yes, do it")
        tmux.press("y")
        tmux.until("1 could not be: beta/b-1")
        shown = tmux.until("! running")
    assert "beta/b-1" in next(line for line in shown.splitlines() if "! running" in line)
