"""`runctl burn`: dollars per hour now, at once, and never a figure that is wrong."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import priced_books
from homes import Home
from runctl_core.cli.burn import STATE_VERSION
from runctl_core.clock import iso
from runctl_core.tracking.store import _MIGRATIONS


def _said(home: Home) -> str:
    done = home.runctl("burn")
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def _the_long_way(home: Home, *words: str) -> str:
    program = "import sys; from runctl_core.cli.app import run; sys.exit(run(sys.argv[1:]))"
    argv = [sys.executable, "-c", program, "burn", *words]
    done = subprocess.run(argv, env=home.env, capture_output=True, check=True, timeout=60)
    return done.stdout.decode()


def test_without_books_nothing_is_paid_and_nothing_is_made(home: Home) -> None:
    assert _said(home) == "$0.00/h\n"
    assert home.json("burn") == {
        "hourly_usd": "0",
        "hourly_estimated_usd": "0",
        "hourly_unknown_resources": 0,
        "resource_count": 0,
        "seen_at": None,
    }
    assert not home.state.exists()


def test_what_is_not_gone_is_added_up_and_unknown_prices_are_counted_apart(home: Home) -> None:
    priced_books.record(home, "a", "3.6")
    priced_books.record(home, "b", "0.01")
    priced_books.record(home, "c", None)
    priced_books.record(home, "d", None)
    priced_books.record(home, "gone", "99").mark_gone("cloud", "gone")
    assert _said(home) == "$3.61/h +2 unknown\n"


def test_an_estimate_is_marked(home: Home) -> None:
    priced_books.record(home, "a", "1", estimated=True)
    priced_books.record(home, "b", "2")
    assert _said(home) == "~$3.00/h\n"
    assert home.json("burn")["hourly_estimated_usd"] == "1"


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_the_quick_way_says_what_the_long_way_says(home: Home, words: tuple[str, ...]) -> None:
    for name, hourly in (("a", "0.000104"), ("b", None), ("c", "1E+2"), ("d", "12.345")):
        priced_books.record(home, name, hourly, estimated=name == "d")
    assert home.runctl("burn", *words).stdout.decode() == _the_long_way(home, *words)


def test_the_quick_way_knows_the_present_version_of_the_books() -> None:
    assert len(_MIGRATIONS) == STATE_VERSION, "burn would go the long way: adapt its queries, if need be"


def test_it_reads_while_another_command_writes(home: Home) -> None:
    priced_books.record(home, "a", "1")
    writer = sqlite3.connect(home.state / "state.db", isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    writer.execute("UPDATE intervals SET hourly_usd = '77'")
    assert _said(home) == "$1.00/h\n"
    writer.execute("COMMIT")
    writer.close()
    assert _said(home) == "$77.00/h\n"


def test_books_of_an_older_version_are_read_too(home: Home) -> None:
    home.state.mkdir()
    with sqlite3.connect(home.state / "state.db") as db:
        db.executescript(_MIGRATIONS[0])
        db.execute("PRAGMA user_version=1")
    db.close()
    assert _said(home) == "$0.00/h\n"


def _refused(home: Home, *words: str) -> None:
    done = home.runctl("burn")
    assert (done.returncode, done.stdout) == (109, b""), "a figure from books that cannot be read"
    assert all(word in done.stderr.decode() for word in words), done.stderr.decode()


def test_books_of_a_newer_version_are_refused(home: Home) -> None:
    priced_books.record(home, "a", "1").close()
    with sqlite3.connect(home.state / "state.db") as db:
        db.execute(f"PRAGMA user_version={STATE_VERSION + 1}")
    db.close()
    _refused(home, "written by a newer runctl", "pip install --upgrade")


def test_damaged_books_are_refused(home: Home) -> None:
    home.state.mkdir()
    (home.state / "state.db").write_bytes(b"no database at all, whatever its name says" * 100)
    _refused(home, "cannot be used", "state.db.damaged")


@pytest.mark.parametrize("command", ["burn", "cost", "ps", "resources list --offline"])
def test_a_price_that_is_none_is_damage_and_no_fault_of_runctl(home: Home, command: str) -> None:
    priced_books.record(home, "a", "1").close()
    with sqlite3.connect(home.state / "state.db") as db:
        db.execute("UPDATE resources SET hourly_usd = '1.o0', state = 'rxnning', run_id = 'x'")
        db.execute("UPDATE intervals SET hourly_usd = '1.o0'")
    db.close()
    done = home.runctl(*command.split())
    assert (done.returncode, done.stdout) == (109, b""), "a figure from books that cannot be read"
    assert b"state.db.damaged" in done.stderr


@pytest.mark.parametrize("name", ["a?b", "a#b", "100%25", "sp ace", "über"])
def test_a_strange_place_of_the_books_is_found(home: Home, tmp_path: Path, name: str) -> None:
    home.state = tmp_path / name
    home.env["RUNCTL_STATE_DIR"] = str(home.state)
    priced_books.record(home, "a", "1")
    assert _said(home) == "$1.00/h\n"


def test_a_prompt_gets_one_short_line_without_colour(home: Home) -> None:
    priced_books.record(home, "a", "1")
    home.env |= {"TERM": "xterm-256color", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}
    assert _said(home) == "$1.00/h\n"


def test_what_it_does_not_know_is_refused_as_everywhere(home: Home) -> None:
    done = home.runctl("burn", "--jsn")
    assert done.returncode == 101
    assert b"--json" in done.stderr


def test_a_standard_output_that_is_full_is_told(home: Home) -> None:
    with Path("/dev/full").open("wb") as full:
        burn = home.start("burn", stdout=full)
        _, told = burn.communicate(timeout=30)
    assert burn.returncode == 109
    assert b"standard output cannot be written" in told


def test_the_document_has_the_oldest_look(home: Home) -> None:
    tracker = priced_books.record(home, "old", "1", hours=30)
    priced_books.record(home, "new", "1", hours=1)
    assert home.json("burn")["seen_at"] == iso(tracker.resource("cloud", "old").last_seen)
