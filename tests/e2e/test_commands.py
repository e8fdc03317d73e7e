"""The manners of every command: help with examples, JSON, plain pipes, and errors that mend."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from homes import Home, wait_for
from runctl_core.cli.app import command_for
from runctl_core.cli.table import COMMANDS, find
from terminals import Terminal

NO_DATA = {"logs", "exec", "init", "completion", "config set", "config unset", "top", "ssh"}
"""Commands that print a program's own bytes, write a file, or draw a screen."""

WAITS = "import os, time\nprint('begun', flush=True)\nwhile not os.path.exists('go'): time.sleep(0.02)\n"


def _command(name: str) -> Any:
    import importlib

    row = find(name.split())
    assert row is not None
    return command_for(name, getattr(importlib.import_module(row[1]), row[2]), [])


@pytest.mark.parametrize("name", [row[0] for row in COMMANDS])
def test_every_command_has_a_page_with_examples_that_are_valid(home: Home, name: str) -> None:
    page = home.runctl(*name.split(), "--help").stdout.decode()
    assert page.startswith(f"Usage: runctl {name} ")
    assert max(map(len, page.splitlines())) <= 80, "the page does not fit a terminal"
    _, _, examples = page.partition("Examples:\n")
    assert examples, f"{name} has no example"
    known = {option for parameter in _command(name).params for option in parameter.opts}
    for example in examples.strip().splitlines():
        plain = re.sub(r"\$\([^)]*\)", "0", example.replace('eval "$(', "").replace(')"', ""))
        words = [word for word in shlex.split(plain) if not re.match(r"[A-Z_]+=", word)]
        words = words[: words.index("--")] if "--" in words else words
        assert words[: 1 + len(name.split())] == ["runctl", *name.split()], example
        used = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert used <= known, f"{example}: no option {used - known}"


@pytest.mark.parametrize("name", sorted({row[0] for row in COMMANDS} - NO_DATA))
def test_every_command_that_prints_data_takes_json(name: str) -> None:
    assert any("--json" in parameter.opts for parameter in _command(name).params)


def test_no_command_sends_colours_or_asks_when_it_is_piped(home: Home) -> None:
    home.write("s.py", "print(1)")
    home.runctl("train", "s.py")
    for line in (
        "ps -a",
        "runs",
        "status latest",
        "why latest",
        "cost",
        "offers",
        "config show",
        "pull latest",
    ):
        done = home.runctl(*line.split())
        assert done.returncode == 0, line
        assert b"\033" not in done.stdout + done.stderr, line


def test_flags_after_the_script_are_ours(home: Home) -> None:
    home.write("s.py", "import sys; print(sys.argv[1:])")
    done = home.runctl("train", "s.py", "--max-hours", "2", "--", "--max-hours", "3")
    assert done.stdout == b"['--max-hours', '3']\n"
    assert home.json("status", "latest")["deadline_at"] is not None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("train s.py --epochs 3", "runctl train s.py -- --epochs 3"),
        ("train s.py --epochs=3 -x", "runctl train s.py -- --epochs=3 -x"),
        ("train s.py --lr 3 --max-hours 2 data", "runctl train s.py --max-hours 2 -- --lr 3 data"),
        ("train s.py --detach --bs 3 --name=x", "runctl train s.py --detach --name=x -- --bs 3"),
        ("exec latest ls -l", "runctl exec latest ls -- -l"),
    ],
)
def test_an_option_of_the_scripts_is_shown_behind_dashes(home: Home, typed: str, meant: str) -> None:
    home.write("s.py", "print(1)")
    done = home.runctl(*typed.split())
    assert done.returncode == 101
    assert f"\n  fix: {meant}\n" in done.stderr.decode(), "a limit of ours must not slip behind the dashes"


def test_a_misspelt_option_names_the_near_one(home: Home) -> None:
    home.write("s.py", "print(1)")
    done = home.runctl("train", "s.py", "--max-hour", "2")
    assert b"near ones: --max-hours" in done.stderr
    assert home.json("runs") == []


def test_runs_are_named_by_id_beginning_name_or_latest(home: Home) -> None:
    home.write("s.py", "print(1)")
    home.runctl("train", "s.py", "--name", "baseline")
    run = home.json("runs")[0]["run"]
    for ref in (run, run[:5], "baseline", "latest"):
        assert home.json("status", ref)["run"] == run
    for wrong, near in ((f"{run}x", run), ("baselin", "baseline"), ("lates", "latest")):
        done = home.runctl("status", wrong)
        assert done.returncode == 103
        assert f"near ones: {near}" in done.stderr.decode()


def test_without_any_run_the_first_command_is_named(home: Home) -> None:
    done = home.runctl("logs", "latest")
    assert done.returncode == 103
    assert b"fix: runctl train SCRIPT" in done.stderr


def test_a_list_that_is_cut_says_so(home: Home) -> None:
    home.write("s.py", "print(1)")
    for _ in range(3):
        home.runctl("train", "s.py")
    done = home.runctl("runs", "--limit", "2")
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == b"only the newest 2; --limit 0 lists all\n"
    for limit in ("0", "3"):
        done = home.runctl("runs", "--limit", limit)
        assert (len(done.stdout.splitlines()), done.stderr) == (3, b"")


def test_pull_brings_what_there_is_while_the_run_goes_on(home: Home) -> None:
    home.write("s.py", WAITS + "print('ended')")
    run = home.detached("s.py")
    wait_for(lambda: home.runctl("logs", run).stdout)
    first = home.json("pull", run, "there")
    assert [item["path"] for item in first["files"]] == ["attempt-1.log"]
    assert (home.work / "there" / "attempt-1.log").read_text() == "begun\n"
    assert f"runctl pull {run} again" in home.runctl("pull", run, "there").stderr.decode()
    home.write("go", "")
    wait_for(lambda: home.state_of(run) == "succeeded")
    home.runctl("pull", run, "there")
    assert (home.work / "there" / "attempt-1.log").read_text() == "begun\nended\n"
    assert json.loads((home.work / "there" / "receipt.json").read_text())["state"] == "succeeded"


def test_the_receipt_says_what_ran_how_it_ended_and_where_everything_is(home: Home) -> None:
    home.write("s.py", "open('out.txt', 'w').write('x')\nraise SystemExit(3)")
    printed = home.runctl("train", "s.py", "--output", "out.txt", "--output", "nope").stderr.decode()
    status = home.json("status", "latest")
    receipt = json.loads(Path(status["receipt"]).read_text())
    assert receipt["command"][-1].endswith("s.py")
    assert (receipt["state"], receipt["exit_code"]) == ("failed", 3)
    assert receipt["duration_s"] >= 0
    assert receipt["cost_usd"] == "0"
    for words in (
        f"{receipt['run']} failed: s.py, exit status 3, ",
        "$0.00",
        receipt["outputs"][0]["path"],
        "not made  nope",
        receipt["log"],
        receipt["receipt"],
        f"runctl why {receipt['run']}",
        f"runctl resume {receipt['run']}",
    ):
        assert words in printed, f"the receipt does not tell: {words}"


def test_a_dry_run_shows_detection_limits_and_the_most_that_it_costs(home: Home) -> None:
    home.write("s.py", "print(1)")
    done = home.runctl("train", "s.py", "--dry-run", "--max-hours", "2")
    shown = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in done.stdout.decode().splitlines())
    assert shown["on"] == "cpu, free"
    assert shown["ends"] == "after 2 h 0 min"
    assert shown["costs"] == "nothing"
    assert b"looked first for a PEP 723 header, uv.lock" in done.stderr
    assert home.json("runs") == []


def test_status_of_a_live_run_tells_how_long_it_runs_and_how_to_see_more(home: Home) -> None:
    home.write("s.py", WAITS)
    run = home.detached("s.py", "--max-hours", "2")
    wait_for(lambda: home.state_of(run) == "running")
    shown = home.runctl("status", run).stdout.decode()
    assert re.search(r"running for +\d", shown)
    assert f"runctl logs {run} -f" in shown
    assert re.search(r"deadline +20\d\d-", shown)


def test_ps_on_a_terminal_of_80_columns_keeps_to_it(home: Home) -> None:
    home.write("s.py", WAITS)
    run = home.detached("s.py", "--name", "a rather long name for a run", "--project", "a-long-project-name")
    with Terminal(home, "ps") as terminal:
        assert terminal.status() == 0
    header, row = terminal.shown.splitlines()
    assert header.split()[0] == "RUN"
    assert row.startswith(run)
    assert max(len(header), len(row)) <= 80
