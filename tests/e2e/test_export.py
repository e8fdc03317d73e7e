"""`runctl resources export`: whole files, never over another without a word."""

from __future__ import annotations

import csv
import json
import os

import pytest

from fleet import Fleet, row
from homes import Home


@pytest.fixture
def fleet(home: Home) -> Fleet:
    made = Fleet(home, ["alpha"])
    made.add("alpha", row("i-1"), row("i-2", hourly_usd="2.5"), row("i-theirs", managed=False))
    return made


def test_the_ending_of_the_file_chooses_the_format(home: Home, fleet: Fleet) -> None:
    for name in ("r.csv", "r.html", "r.json"):
        assert home.runctl("resources", "export", "--to", name).returncode == 0
    assert (home.work / "r.html").read_text().startswith("<!doctype html>")
    assert len(json.loads((home.work / "r.json").read_text())["resources"]) == 2
    assert [line["resource"] for line in csv.DictReader((home.work / "r.csv").open())] == ["i-2", "i-1"]


def test_without_a_file_it_goes_to_standard_output(home: Home, fleet: Fleet) -> None:
    done = home.runctl("resources", "export", "--all")
    lines = list(csv.DictReader(done.stdout.decode().splitlines()))
    assert {"i-1", "i-2", "i-theirs"} <= {line["resource"] for line in lines}


def test_a_file_that_is_there_is_kept(home: Home, fleet: Fleet) -> None:
    home.write("mine.csv", "mine")
    done = home.runctl("resources", "export", "--to", "mine.csv")
    assert (done.returncode, (home.work / "mine.csv").read_text()) == (104, "mine")
    assert b"--force" in done.stderr
    assert home.runctl("resources", "export", "--to", "mine.csv", "--force").returncode == 0


def test_a_format_that_does_not_exist_is_refused_before_anybody_is_asked(home: Home, fleet: Fleet) -> None:
    done = home.runctl("resources", "export", "--to", "r.pdf")
    assert (done.returncode, fleet.calls("alpha")) == (101, [])


def test_a_place_that_takes_nothing_is_named(home: Home, fleet: Fleet) -> None:
    done = home.runctl("resources", "export", "--to", "nowhere/r.csv")
    assert done.returncode == 109
    assert b"nowhere/r.csv" in done.stderr


def test_what_a_killed_export_left_is_removed_by_the_next(home: Home, fleet: Fleet) -> None:
    ended = home.start("--version")
    ended.wait()
    left = home.write(f"r.csv.{ended.pid}.part", "half")
    alive = home.write(f"r.csv.{os.getpid()}.part", "of another that still writes")
    assert home.runctl("resources", "export", "--to", "r.csv").returncode == 0
    assert (left.exists(), alive.exists()) == (False, True)


def test_what_is_no_file_is_not_replaced_by_one(home: Home, fleet: Fleet) -> None:
    pipe = home.work / "pipe.csv"
    os.mkfifo(pipe)
    assert home.runctl("resources", "export", "--to", "pipe.csv", "--force").returncode == 104
    assert pipe.is_fifo()
