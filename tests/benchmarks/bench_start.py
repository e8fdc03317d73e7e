"""How fast the command starts: each kind of command as a ratio to `python -c pass` of the same
clean environment, in one run, alternating.

    python tests/benchmarks/bench_start.py [--venv FOLDER] [--rounds N] [--strict]

Without `--venv` it measures the environment that it runs in, when runctl is installed there from
wheels; otherwise it builds wheels and makes an environment for them.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

from environment import Place, Row, main

RUNS = 1000

BARS: tuple[tuple[str, float, tuple[str, ...]], ...] = (
    ("--version", 2, ("--version",)),
    ("--help", 3, ("--help",)),
    ("completion of a command", 3, ("_complete", "1", "runctl", "")),
    ("burn, 20 resources", 4, ("burn",)),
    ("burn --json", 4, ("burn", "--json")),
    (f"ps, {RUNS} runs", 8, ("ps",)),
    (f"ps --all, {RUNS} runs", 8, ("ps", "--all")),
    (f"ps --all --json, {RUNS} runs", 8, ("ps", "--all", "--json")),
    ("train --help", 12, ("train", "--help")),
)
"""Name, highest ratio, arguments."""

_FILL = """
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from runctl_core.models.money import Price
from runctl_core.models.resources import Resource, ResourceState
from runctl_core.models.runs import Run, RunState
from runctl_core.tracking import ResourceTracker

begun = datetime(2026, 1, 1, tzinfo=UTC)
ends = (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.LOST)
tracker = ResourceTracker()
for number in range(int(sys.argv[1])):
    at = begun + timedelta(hours=number)
    over = {"started_at": at, "ended_at": at + timedelta(minutes=number), "exit_code": 0}
    run = Run(f"brave-otter-{number}", "train.py", f"project-{number % 7}", "tester", "local",
              "train.py", "/home/tester/project", RunState.PLANNED, at)
    tracker.add_run(run, {"command": ["python", "train.py"]})
    tracker.change_run(run.id, RunState.FAILED, **over)
priced = [Resource(f"i-{number}", "cloud", "kept", ResourceState.RUNNING, managed=True,
                   price=Price(Decimal(number) / 100)) for number in range(20)]
tracker.record_listing("cloud", priced, asked_at=datetime.now(UTC), delay_s=0)
"""


def measure(place: Place, rounds: int) -> list[Row]:
    """The ratio to the peer of the same rounds, for each kind of command."""
    subprocess.run([place.python, "-c", _FILL, str(RUNS)], env=place.env, check=True)
    peer = [place.python, "-c", "pass"]
    rows = []
    for name, bar, words in BARS:
        ours = [place.runctl, *words]
        place.time(ours)
        pairs = [(place.time(peer), place.time(ours)) for _ in range(rounds)]
        floor, taken = (statistics.median(times) for times in zip(*pairs, strict=True))
        rows.append((name, f"{taken * 1000:.1f} ms against {floor * 1000:.1f} ms", taken / floor, bar))
    return rows


if __name__ == "__main__":
    sys.exit(main("Start-up, as a ratio to `python -c pass`", measure, rounds=21))
