"""`runctl resources watch` on a terminal and through a pipe, and a list on 80 columns."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

import schemas
from fleet import Fleet, row
from homes import Home, wait_for
from terminals import Terminal

RED = "\033[31m"
ERASED = "\r\033[K"
"""How the line about what is waited for goes away."""


@pytest.fixture
def fleet(home: Home) -> Fleet:
    """One provider with one machine; this computer is left out."""
    home.env["RUNCTL_PLUGINS"] = "alpha"
    made = Fleet(home, ["alpha"])
    made.add("alpha", row("i-1"))
    return made


def test_a_change_is_marked_on_a_terminal_and_ctrl_c_ends_the_watching(home: Home, fleet: Fleet) -> None:
    with Terminal(home, "resources", "watch", "--interval", "0.2") as terminal:
        terminal.until("1 resource, $1.00/h")
        fleet.add("alpha", row("i-2", hourly_usd="3.00"))
        terminal.until("* new")
        fleet.add("alpha", row("i-1", state="stopped", storage_usd="0.02"))
        terminal.until("* state, was running; * price, was $1.00/h")
        fleet.remove("alpha", "i-2")
        terminal.until("* gone")
        terminal.press("\x03")
        assert terminal.status() == 130


def test_a_provider_that_falls_silent_is_named_and_loses_nothing(home: Home, fleet: Fleet) -> None:
    fleet.add("alpha", row("i-theirs", managed=False))
    with Terminal(home, "resources", "watch", "--interval", "0.2", "--all") as terminal:
        terminal.until("2 resources")
        fleet.misbehave("alpha", fail={"list": "AuthenticationError"})
        terminal.until("alpha does not answer")
        terminal.press("\x03")
        terminal.status()
    after = terminal.shown[terminal.shown.index("alpha does not answer") :]
    assert "* gone" not in terminal.shown
    assert "1 resource," not in after


def test_each_change_is_one_line_through_a_pipe(home: Home, fleet: Fleet) -> None:
    lines = home.root / "changes.tsv"
    with lines.open("wb") as file:
        process = home.start("resources", "watch", "--interval", "0.2", stdout=file)
        wait_for(lambda: len(fleet.calls("alpha")) > 1, why="it does not look again")
        fleet.add("alpha", row("i-2"))
        wait_for(lambda: "i-2" in lines.read_text(), why="a new machine was not told of")
        fleet.remove("alpha", "i-2")
        wait_for(lambda: "gone" in lines.read_text(), why="the end of a machine was not told of")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        process.communicate()
    told = [line.split("\t")[1:] for line in lines.read_text().splitlines()]
    assert told == [["new", "alpha/i-2", "", "running"], ["gone", "alpha/i-2", "running", ""]]


def test_a_watching_with_an_end_gives_one_document(home: Home, fleet: Fleet) -> None:
    process = home.start("resources", "watch", "--interval", "1", "--looks", "2", "--json")
    wait_for(lambda: fleet.calls("alpha"), why="it does not look")
    wait_for(lambda: (home.state / "state.db").exists(), why="the first look came to nothing")
    fleet.add("alpha", row("i-2"))
    out, _ = process.communicate(timeout=60)
    document = json.loads(out)
    schemas.check("resources watch", document)
    assert [change["change"] for change in document["changes"]] in ([], ["new"])
    assert process.returncode == 0


def test_a_document_without_an_end_is_refused(home: Home, fleet: Fleet) -> None:
    done = home.runctl("resources", "watch", "--json")
    assert (done.returncode, done.stdout) == (101, b"")
    assert "--looks 2" in done.stderr.decode()


def on_80_columns(home: Home, *words: str) -> list[str]:
    with Terminal(home, *words) as terminal:
        terminal.status()
    return [line.rpartition(ERASED)[2] for line in terminal.shown.rstrip().split("\n")]


def test_a_list_fits_80_columns_and_keeps_what_matters(home: Home, fleet: Fleet) -> None:
    fleet.add("alpha", row("i-0123456789abcdef0", hourly_usd="98.32", instance_type="p5.48xlarge"))
    lines = on_80_columns(home, "resources", "list")
    assert max(map(len, lines)) <= 80
    assert lines[0].split()[:4] == ["RESOURCE", "STATE", "PRICE", "AGE"]
    assert lines[1].split()[:3] == ["alpha/i-0123456789abcdef0", "running", "$98.32/h"]


@pytest.fixture
def refused(home: Home, fleet: Fleet) -> Path:
    """A machine that could not be ended."""
    fleet.misbehave("alpha", refuse={"i-1": "AuthenticationError"})
    assert home.runctl("resources", "cleanup", "i-1", "--yes").returncode
    return home.state


def test_what_could_not_be_ended_is_red_on_a_terminal(home: Home, refused: Path) -> None:
    lines = on_80_columns(home, "resources", "list")
    (line,) = [line for line in lines if "alpha/i-1" in line]
    assert line.startswith(RED)
    assert "! not ended" in line


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1")])
def test_without_colour_the_text_still_says_it(home: Home, refused: Path, name: str, value: str) -> None:
    home.env[name] = value
    lines = on_80_columns(home, "resources", "list")
    (line,) = [line for line in lines if "alpha/i-1" in line]
    assert RED not in line
    assert "! not ended" in line
