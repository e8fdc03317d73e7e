"""Deadline, idle rule and budget end a run by themselves."""

from __future__ import annotations

import time

import pytest

import priced_provider
from homes import Home, processes_of, wait_for

STUBBORN = """
import signal, time, sys
signal.signal(signal.SIGTERM, lambda *_: print("asked to end", flush=True))
print("begun", flush=True)
while True: time.sleep(0.1)
"""


def test_the_deadline_ends_a_run_with_term_grace_and_kill(home: Home) -> None:
    home.write("s.py", STUBBORN)
    began = time.monotonic()
    done = home.runctl("train", "s.py", "--max-hours", "0.0006", "--grace-seconds", "1")
    assert done.returncode == 116
    assert done.stdout == b"begun\nasked to end\n"
    assert time.monotonic() - began < 20
    document = home.json("status", "latest")
    assert (document["state"], document["ended_by"], document["signal"]) == ("failed", "deadline", 9)
    assert "--max-hours" in home.json("why", "latest")["fix"]
    assert processes_of(home.state) == []


def test_the_deadline_holds_without_any_command(home: Home) -> None:
    home.write("s.py", STUBBORN)
    run = home.detached("s.py", "--max-hours", "0.0006", "--grace-seconds", "0.2")
    wait_for(lambda: home.job(run)["phase"] == "finished")
    wait_for(lambda: not processes_of(home.state), why="the guard ends after the runner, and nothing is left")
    assert home.state_of(run) == "failed"


def test_the_deadline_covers_every_attempt(home: Home) -> None:
    home.write("s.py", STUBBORN)
    home.runctl("train", "s.py", "--max-hours", "0.0004", "--grace-seconds", "0")
    refused = home.runctl("resume", "latest")
    assert refused.returncode == 104
    assert b"--max-hours" in refused.stderr
    assert home.json("status", "latest")["attempt"] == 1
    done = home.runctl("resume", "latest", "--max-hours", "0.0004")
    assert done.returncode == 116
    assert home.json("status", "latest")["attempt"] == 2


def test_the_idle_rule_ends_a_run_that_does_nothing(home: Home) -> None:
    home.write("s.py", "import time; print('x'); time.sleep(600)")
    done = home.runctl("train", "s.py", "--idle-minutes", "0.05")
    assert done.returncode == 116
    assert home.json("status", "latest")["ended_by"] == "idle"


def test_the_idle_rule_lets_a_busy_run_be(home: Home) -> None:
    home.write("s.py", "import time\nend = time.time() + 8\nwhile time.time() < end: pass\nprint('done')")
    done = home.runctl("train", "s.py", "--idle-minutes", "0.05")
    assert (done.returncode, done.stdout) == (0, b"done\n")


def test_set_up_counts_as_busy(home: Home) -> None:
    slow = home.write(
        "uv",
        "#!/bin/sh\n[ $1 = sync ] && exec sleep 8\n"
        'while [ "$1" != --script ]; do shift; done; shift; exec python3 "$@"\n',
    )
    slow.chmod(0o755)
    home.write("s.py", "# /// script\n# dependencies = []\n# ///\nprint('ran')\n")
    path = f"{home.work}:{home.env['PATH']}"
    done = home.runctl("train", "s.py", "--idle-minutes", "0.05", env={"PATH": path})
    assert (done.returncode, done.stdout) == (0, b"ran\n")


def test_set_up_that_fails_is_told_apart_from_the_script(home: Home) -> None:
    broken = home.write("uv", "#!/bin/sh\necho no such package >&2; exit 2\n")
    broken.chmod(0o755)
    home.write("s.py", "# /// script\n# dependencies = ['nope']\n# ///\nprint('ran')\n")
    done = home.runctl("train", "s.py", env={"PATH": f"{home.work}:{home.env['PATH']}"})
    assert done.returncode == 111
    assert b"no such package" in done.stderr
    told = home.json("why", "latest")
    assert told["summary"] == "its environment could not be made"
    assert told["tail"] == ["no such package"]


@pytest.fixture
def priced(home: Home) -> Home:
    """A provider like this computer that asks 3,600 dollars an hour: one a second."""
    return priced_provider.install(home)


def test_the_budget_ends_a_run_before_it_costs_more(priced: Home) -> None:
    priced.write("s.py", "import time; time.sleep(600)")
    done = priced.runctl("train", "s.py", "--budget", "3", "--grace-seconds", "0")
    assert done.returncode == 116
    document = priced.json("status", "latest")
    assert document["ended_by"] == "budget"
    assert 2 < float(document["cost_usd"]) < 6
    assert priced.json("cost")["cost_usd"] == document["cost_usd"]
    assert priced.runctl("resume", "latest").returncode == 104


def test_a_budget_without_a_price_is_refused(home: Home) -> None:
    priced = priced_provider.install(home, "None")
    priced.write("s.py", "print(1)")
    done = priced.runctl("train", "s.py", "--budget", "3")
    assert done.returncode == 104
    assert b"--max-hours" in done.stderr
    done = priced.runctl("train", "s.py")
    assert done.returncode == 0
    assert b"unknown price" in done.stderr
    assert priced.json("cost")["cost_unknown_resources"] == 1


def test_a_price_limit_shuts_out_what_is_dearer(priced: Home) -> None:
    priced.write("s.py", "print(1)")
    done = priced.runctl("train", "s.py", "--max-price", "10")
    assert done.returncode == 104
    assert b"cheapest" in done.stderr


def test_any_takes_the_cheapest_provider(priced: Home) -> None:
    priced.write("s.py", "print(1)")
    done = priced.runctl("train", "s.py", "--provider", "any")
    assert done.returncode == 0
    assert priced.json("runs")[0]["provider"] == "local"


def test_a_run_that_a_limit_ended_is_not_told_to_go_on_as_it_was(home: Home) -> None:
    home.write("s.py", "import time\ntime.sleep(60)")
    ended = home.runctl("train", "s.py", "--max-hours", "0.0003", "--grace-seconds", "0").stderr.decode()
    assert "runctl why" in ended
    assert "runctl resume" not in ended, "the command that is named would be refused"
