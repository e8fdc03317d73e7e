"""`runctl top` over books of years: 10,000 runs and 5,000 resources make it no slower to look at."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

from fleet import OWNER, Fleet, row
from homes import RUNCTL, Home
from runctl_core.models.runs import Run, RunState
from runctl_core.tracking import ResourceTracker, runs
from runctl_core.tracking.store import Store
from tmux import Tmux

RUNS, RESOURCES = 10_000, 5_000


def fill(home: Home) -> None:
    """Write the runs into the books in one transaction, and put the resources at five providers."""
    path = home.state / "state.db"
    ResourceTracker(str(path)).runs()
    plan = json.dumps({"provider": "p0", "command": ["true"], "workdir": "/"})
    begun = datetime.now(UTC) - timedelta(days=400)
    with Store(str(path)).writing() as db:
        for number in range(RUNS):
            at = begun + timedelta(minutes=30 * number)
            name, ended = f"old-run-{number:05}", at + timedelta(minutes=20)
            run = Run(name, "t.py", "demo", OWNER, "p0", "t.py", "/", RunState.SUCCEEDED, at, ended_at=ended)
            runs.insert(db, run, plan, at)
    names = [f"p{number}" for number in range(5)]
    fleet = Fleet(home, names)
    for name in names:
        fleet.add(name, *(row(f"i-{number:04}", hourly_usd="0.10") for number in range(RESOURCES // 5)))


def test_the_last_of_10_000_runs_and_of_5_000_resources_is_one_key_away(home: Home) -> None:
    fill(home)
    with Tmux(home, 80, 24) as tmux:
        begun = time.monotonic()
        tmux.type(f"{RUNCTL} top")
        tmux.until("RUNS")
        tmux.until("1/5000", seconds=40)
        assert "now $500.00/h" in tmux.screen()
        ready_s = time.monotonic() - begun
        tmux.press("a")
        tmux.until("1/10000")
        answers = []
        for key, text in [
            ("G", "old-run-00000"),
            ("g", "old-run-09999"),
            ("Tab", "RUNS"),
            ("G", "5000/5000"),
        ]:
            pressed = time.monotonic()
            tmux.press(key)
            tmux.until(text)
            answers.append(time.monotonic() - pressed)
        tmux.press("?")
        tmux.until("escape closes")
    assert max(answers) < 5, f"a key was answered only after {max(answers):.1f} s"
    print(f"all there after {ready_s:.1f} s; a key answers after {max(answers):.2f} s at most")
