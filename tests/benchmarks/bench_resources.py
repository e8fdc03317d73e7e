"""`runctl resources list` over 5,000 resources of 5 providers, of which one hangs.

    python tests/benchmarks/bench_resources.py [--venv FOLDER] [--rounds N] [--strict]

Each provider answers after 300 ms, and the one that hangs never does: what is measured is the time
beyond its time-out, with empty books (everything is new) and with books that know all of it, and the
peak memory of the process.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from environment import Place, Row, main

from fleet import Fleet, row
from homes import Home

PROVIDERS = ("alpha", "beta", "gamma", "delta", "epsilon")
HANGING = PROVIDERS[-1]
EACH = 1000
TIMEOUT_S = 3.0


def measure(place: Place, rounds: int) -> list[Row]:
    """Seconds beyond the time-out, and megabytes."""
    new, known, memory = [], [], []
    for number in range(rounds):
        home = Home(place.folder / f"round-{number}")
        _fill(Fleet(home, PROVIDERS))
        for times in (new, known):
            seconds, megabytes = _listed(place, home)
            times.append(seconds - TIMEOUT_S)
            memory.append(megabytes)
    return [
        ("beyond the time-out, s", "everything is new", statistics.median(new), 1.5),
        ("beyond the time-out, s", "everything is known", statistics.median(known), 1.5),
        ("peak memory, MB", "the most of all rounds", max(memory), 150),
    ]


def _fill(fleet: Fleet) -> None:
    for name in PROVIDERS:
        rows = [_row(name, number) for number in range(EACH)]
        fleet.add(name, *rows)
        fleet.misbehave(name, delay_s=0.3, **({"hang": ["list"]} if name == HANGING else {}))


def _row(name: str, number: int) -> dict[str, object]:
    tags = {"runctl:run": f"brave-otter-{number}", "team": f"team-{number % 9}", "purpose": "benchmark"}
    price = None if number % 50 == 0 else f"{number % 90 + 1}.25"
    return row(f"i-{name}-{number:012x}", hourly_usd=price, tags=tags, region="region-1", vcpus=8)


def _listed(place: Place, home: Home) -> tuple[float, float]:
    """The seconds and the peak megabytes of one command; fails unless it lists the others."""
    env = {**home.env, "RUNCTL_LIST_TIMEOUT_SECONDS": str(TIMEOUT_S)}
    begun = time.perf_counter()
    with (home.root / "out").open("wb") as out, (home.root / "notes").open("wb") as notes:
        process = subprocess.Popen(
            [place.runctl, "resources", "list"], env=env, cwd=home.work, stdout=out, stderr=notes
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    told = (home.root / "notes").read_text()
    if process.returncode or f"{HANGING} does not answer" not in told:
        raise RuntimeError(f"status {process.returncode}: {told}")
    listed = (home.root / "out").read_text().count("\n")
    if listed != EACH * (len(PROVIDERS) - 1):
        raise RuntimeError(f"{listed} resources listed: {told}")
    return seconds, used.ru_maxrss / 1000


if __name__ == "__main__":
    sys.exit(main("5,000 resources of 5 providers, one of them hanging", measure, rounds=3))
