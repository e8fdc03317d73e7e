"""`runctl adopt`, `ignore` and `protect`: what is said of a resource holds until it is taken back."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

import schemas
from fleet import Fleet, row
from homes import Home, wait_for

SCRIPT = """
import os, pathlib, time, zipfile
print("hello from before", flush=True)
with zipfile.ZipFile(pathlib.Path(os.environ["RUNCTL_CHECKPOINT_DIR"], "step-7.npz"), "w") as archive:
    archive.writestr("weights.npy", "1")
pathlib.Path("began").touch()
while not pathlib.Path("stop").exists():
    time.sleep(0.05)
"""


@pytest.fixture
def fleet(home: Home) -> Fleet:
    """One provider with a machine of ours and one of somebody else's."""
    made = Fleet(home, ["alpha"])
    made.add("alpha", row("i-1"), row("i-theirs", managed=False))
    return made


def notes(home: Home, resource: str) -> str:
    """The last column of a resource's row."""
    lines = home.runctl("resources", "list", "--all").stdout.decode().splitlines()
    (cells,) = [line.split("\t") for line in lines if line.startswith(resource + "\t")]
    return cells[-1]


def marks(home: Home, *words: str) -> dict[str, str]:
    """What is said of a resource after a command: mark to reason."""
    document = home.json(*words)
    schemas.check(words[0], document)
    return {mark["mark"]: mark["why"] for mark in document["marks"]}


@pytest.mark.parametrize(
    ("command", "word"), [("protect", "protected"), ("ignore", "ignored"), ("adopt", "adopted")]
)
def test_a_mark_is_shown_until_it_is_taken_back(home: Home, fleet: Fleet, command: str, word: str) -> None:
    assert marks(home, command, "i-theirs", "--why", "the paper") == {word: "the paper"}
    assert notes(home, "alpha/i-theirs") == f"{word}: the paper"
    assert marks(home, command, "i-theirs", "--undo") == {}
    assert notes(home, "alpha/i-theirs") == ""


def test_a_resource_that_was_never_seen_is_found_at_its_provider(home: Home, fleet: Fleet) -> None:
    assert marks(home, "protect", "alpha/i-theirs") == {"protected": ""}


def test_what_nobody_has_cannot_be_marked(home: Home, fleet: Fleet) -> None:
    done = home.runctl("protect", "i-2")
    assert done.returncode == 103, "a slip of the hand was taken for a protected machine"
    assert "no resource i-2" in done.stderr.decode()


def test_an_id_that_two_providers_have_is_asked_for_in_full(home: Home) -> None:
    twins = Fleet(home, ["alpha", "beta"])
    twins.add("alpha", row("i-1"))
    twins.add("beta", row("i-1"))
    done = home.runctl("protect", "i-1")
    assert done.returncode == 103
    assert "alpha/i-1, beta/i-1" in done.stderr.decode()


def test_a_mark_of_something_that_is_gone_can_be_taken_back(home: Home, fleet: Fleet) -> None:
    home.runctl("ignore", "i-theirs")
    fleet.remove("alpha", "i-theirs")
    assert marks(home, "ignore", "i-theirs", "--undo") == {}


def test_a_mark_that_is_not_set_cannot_be_taken_back(home: Home, fleet: Fleet) -> None:
    home.runctl("protect", "i-1")
    done = home.runctl("protect", "i-theirs", "--undo")
    assert done.returncode == 103
    assert "protected: alpha/i-1" in done.stderr.decode()


def test_what_is_protected_is_not_deleted_even_with_force(home: Home, fleet: Fleet) -> None:
    home.runctl("protect", "i-1")
    home.runctl("resources", "cleanup", "i-1", "--force", "--yes")
    assert fleet.alive("alpha") == ["i-1", "i-theirs"]


def test_what_is_adopted_can_be_cleaned_up(home: Home, fleet: Fleet) -> None:
    home.runctl("resources", "cleanup", "i-theirs", "--yes")
    assert "i-theirs" in fleet.alive("alpha"), "what runctl did not make was deleted"
    home.runctl("adopt", "i-theirs")
    home.runctl("resources", "cleanup", "i-theirs", "--yes")
    assert "i-theirs" not in fleet.alive("alpha")


def test_an_adopted_machine_costs_from_its_creation_on_as_an_estimate(home: Home, fleet: Fleet) -> None:
    home.runctl("adopt", "i-theirs")
    (spent,) = [r for r in home.json("cost", "--by", "resource")["rows"] if r["key"] == "alpha/i-theirs"]
    assert 1.99 < float(spent["cost_estimated_usd"]) < 2.01, "it was made two hours ago, at $1.00/h"


def test_a_machine_of_other_books_is_adopted_and_why_its_run_is_not_is_told(home: Home, fleet: Fleet) -> None:
    tags = {"runctl:run": "brave-otter-41", "runctl:token": "brave-otter-41-1-abc"}
    fleet.add("alpha", row("i-other", tags=tags))
    document = home.json("adopt", "i-other")
    assert document["run"] is None
    assert "cannot be reached" in document["no_run"]


def test_a_machine_that_is_gone_is_not_adopted(home: Home, fleet: Fleet) -> None:
    home.runctl("resources", "list")
    fleet.remove("alpha", "i-1")
    done = home.runctl("adopt", "alpha/i-1")
    assert done.returncode == 103
    assert "adopted" not in json.dumps(home.json("resources", "list"))


def test_a_run_whose_books_were_lost_is_brought_back_with_its_output_and_results(home: Home) -> None:
    home.write("s.py", SCRIPT)
    home.env["RUNCTL_PROVIDER"] = "local"
    run = home.detached("s.py")
    wait_for(lambda: (home.work / "began").exists(), why="the script did not begin")
    for file in home.state.glob("state.db*"):
        file.unlink()
    assert home.json("ps") == [], "the books are not lost"
    (slot,) = [r for r in home.json("resources", "list")["resources"] if r["run"] == run]

    assert home.json("adopt", slot["resource"])["run"] == run
    assert home.json("status", run)["state"] == "running"
    assert b"hello from before" in home.runctl("logs", run).stdout
    home.write("stop", "")
    wait_for(lambda: home.state_of(run) == "succeeded", why="its end was not seen")
    assert home.runctl("pull", run, "back").returncode == 0
    pulled = {path.name for path in (home.work / "back").rglob("*") if path.is_file()}
    assert pulled >= {"step-7.npz", "attempt-1.log"}
    assert slot["resource"] in json.dumps(home.json("resources", "list")), "what was adopted was let go of"
    home.runctl("resources", "cleanup", slot["resource"], "--force", "--yes")
    assert home.json("resources", "list")["resources"] == [], (
        "its results are home, and it could not be ended"
    )


def test_a_run_that_ended_while_its_books_were_lost_is_brought_back(home: Home) -> None:
    home.write("s.py", "import time; print('all of it', flush=True); time.sleep(1); raise SystemExit(3)")
    home.env["RUNCTL_PROVIDER"] = "local"
    run = home.detached("s.py")
    wait_for(lambda: home.job(run)["phase"] == "finished", why="the script did not end")
    for file in home.state.glob("state.db*"):
        file.unlink()
    (slot,) = [r for r in home.json("resources", "list")["resources"] if r["run"] == run]
    assert home.json("adopt", slot["resource"])["run"] == run
    document = home.json("status", run)
    assert (document["state"], document["exit_code"]) == ("failed", 3)
    assert b"all of it" in home.runctl("logs", run).stdout


def test_adopting_twice_changes_nothing(home: Home, fleet: Fleet) -> None:
    for _ in range(2):
        home.json("adopt", "i-1")
    with closing(sqlite3.connect(home.state / "state.db")) as db:
        (spans,) = db.execute("SELECT COUNT(*) FROM intervals").fetchone()
    rows = home.json("cost", "--by", "resource")["rows"]
    assert spans == 2, "one is the estimate before the first look, one goes on"
    assert float(next(r for r in rows if r["key"] == "alpha/i-1")["cost_usd"]) < 2.01
