"""Budgets of days and months, by the real command: refused with figures, warned once."""

from __future__ import annotations

import pytest

import priced_provider
import schemas
from homes import Home, wait_for

ONCE = "print('trained')"


@pytest.fixture
def priced(home: Home) -> Home:
    """A provider of a dollar a second."""
    home.write("s.py", ONCE)
    return priced_provider.install(home)


def test_a_launch_over_the_budget_is_refused_before_anything_is_made(priced: Home) -> None:
    assert priced.runctl("config", "set", "monthly_budget", "20").returncode == 0
    done = priced.runctl("train", "s.py", "--max-hours", "0.01")
    told = done.stderr.decode()
    assert done.returncode == 104
    assert "this run could break the monthly budget of $20.00" in told
    assert "$0.00 spent this month (UTC)" in told
    assert "this run may take $36.00 ($3,600.00/h on cpu, 0.01 h at most); together $36.00" in told
    assert "runctl config set monthly_budget 36" in told
    assert priced.json("runs") == []


@pytest.mark.parametrize("where", ["user", "project", "variable"])
def test_the_command_that_the_refusal_names_mends_it(priced: Home, where: str) -> None:
    if where == "variable":
        priced.env["RUNCTL_DAILY_BUDGET"] = "20"
    else:
        priced.runctl("config", "set", "daily_budget", "20", *(["--project"] if where == "project" else []))
    told = priced.runctl("train", "s.py", "--max-hours", "0.01").stderr.decode()
    mend = told.split("fix: ")[1].splitlines()[0]
    priced.shell(f"{mend} && runctl train s.py --max-hours 0.01")


def test_a_dry_run_says_how_the_budgets_stand_and_what_would_be_refused(priced: Home) -> None:
    priced.env["RUNCTL_DAILY_BUDGET"] = "50"
    done = priced.runctl("train", "s.py", "--max-hours", "0.01", "--dry-run")
    assert b"$50.00; $0.00 spent, $36.00 with all that may come" in done.stdout
    document = priced.json("train", "s.py", "--max-hours", "0.01", "--dry-run")
    schemas.check("train --dry-run", document)
    assert (document["budgets"][0]["limit_usd"], document["budgets"][0]["with_run_usd"]) == ("50", "36")
    done = priced.runctl("train", "s.py", "--max-hours", "0.02", "--dry-run")
    assert (done.returncode, done.stdout) == (104, b"")


def test_another_runs_deadline_counts(priced: Home) -> None:
    priced.write("long.py", "import time; time.sleep(600)")
    priced.env["RUNCTL_DAILY_BUDGET"] = "400"
    run = priced.detached("long.py", "--max-hours", "0.1")
    done = priced.runctl("train", "s.py", "--max-hours", "0.1")
    assert done.returncode == 104
    assert b"($3,600.00/h now)" in done.stderr
    priced.runctl("stop", run, "--grace-seconds", "0")


def test_a_warning_is_told_once_by_whichever_command_comes_first(priced: Home) -> None:
    priced.write("long.py", "import time; time.sleep(600)")
    priced.env["RUNCTL_DAILY_BUDGET"] = "4"
    run = priced.detached("long.py", "--max-hours", "0.001", "--grace-seconds", "0")
    told = [wait_for(lambda: priced.runctl("ps").stderr.decode(), why="never warned")]
    wait_for(lambda: priced.state_of(run) == "failed", why="its deadline did not end it")
    told += [priced.runctl("ps").stderr.decode() for _ in range(3)]
    assert "% of the daily budget of $4.00" in told[0]
    assert not any("50 %" in text for text in told[1:]), "the same warning twice"


def test_status_says_how_far_a_runs_own_budget_is_spent(priced: Home) -> None:
    done = priced.runctl("train", "s.py", "--budget", "100")
    assert done.returncode == 0
    shown = priced.runctl("status", "latest").stdout.decode()
    assert "% of its budget of $100.00" in shown
    assert priced.json("status", "latest")["budget_usd"] == "100"


def test_a_budget_that_is_no_money_is_refused(priced: Home) -> None:
    for value in ("0", "much", "1e9"):
        assert priced.runctl("config", "set", "daily_budget", value).returncode == 102
