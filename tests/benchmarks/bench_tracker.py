"""The books with 100,000 resources: one lookup, a month's cost by project, the size of the file.

    python tests/benchmarks/bench_tracker.py [--venv FOLDER] [--rounds N] [--strict]

The peer is a state file of JSON with the same resources, which has to be read whole.
"""

from __future__ import annotations

import json
import subprocess
import sys

from environment import Place, Row, main

RESOURCES = 100_000

_INSIDE = """
import json, os, statistics, sys, time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from attrs import asdict, evolve
from runctl_core.models.money import Price
from runctl_core.models.resources import Resource, ResourceState
from runctl_core.tracking import ResourceTracker, resources

count, rounds, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
begun = datetime(2026, 11, 1, tzinfo=UTC)
path = os.path.join(folder, "books.db")
tracker = ResourceTracker(path, clock=lambda: begun + timedelta(days=30))

def made(number):
    tags = {"runctl:run": f"brave-otter-{number}", "runctl:owner": f"owner-{number % 9}",
            "runctl:project": f"project-{number % 40}", "runctl:token": f"token-{number}"}
    price = Price(Decimal(number % 900) / 100, "api", begun)
    return Resource(f"i-{number:017x}", "cloud", f"brave-otter-{number}", ResourceState.RUNNING,
                    managed=True, tags=tags, price=price, created_at=begun, instance_type="p5.48xlarge")

with tracker._store.writing() as db:  # one transaction, or the disk would be what is measured
    for number in range(count):
        at = begun + timedelta(seconds=number * 20)
        resource = made(number)
        resources.record(db, resource, at)
        stopped = evolve(resource, state=ResourceState.STOPPED, price=Price(Decimal("0.1"), "api", begun))
        resources.record(db, stopped, at + timedelta(hours=3))
        if number % 10:
            resources.mark_gone(db, "cloud", resource.id, at + timedelta(hours=9))
tracker.close()
file_mb = os.path.getsize(path) / 1e6

with tracker._store.writing() as db:
    db.executemany(
        "INSERT INTO intents (token, run_id, provider, attempt, created_at, settled, resource_id) "
        "VALUES (?1, ?1, 'cloud', 1, 0, 1, ?2)",
        [(f"token-{number}", f"i-{number:017x}") for number in range(count)],
    )

document = os.path.join(folder, "books.json")
with open(document, "w") as file:
    json.dump([asdict(made(number)) for number in range(count)], file, default=str)

def median_ms(function):
    times = []
    for turn in range(rounds):
        start = time.perf_counter()
        function(turn)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)

def look_up(turn):
    assert tracker.resource("cloud", f"i-{turn * 997 % count:017x}").resource.project

def look_up_in_json(turn):
    with open(document) as file:
        assert next(r for r in json.load(file) if r["id"] == f"i-{turn * 997 % count:017x}")

def month(turn):
    assert len(tracker.costs(by="project", since=begun, until=begun + timedelta(days=30))) == 40

def days(turn):
    assert len(tracker.costs(by="day", since=begun, until=begun + timedelta(days=30))) == 30

print(json.dumps({"lookup_ms": median_ms(look_up), "json_ms": median_ms(look_up_in_json),
                  "month_ms": median_ms(month), "days_ms": median_ms(days),
                  "burn_ms": median_ms(lambda turn: tracker.burn(by="project")),
                  "budget_ms": median_ms(lambda turn: tracker.commitments("owner-1")),
                  "file_mb": file_mb}))
"""


def measure(place: Place, rounds: int) -> list[Row]:
    """Milliseconds and megabytes."""
    words = [place.python, "-c", _INSIDE, str(RESOURCES), str(rounds), str(place.folder)]
    done = subprocess.run(words, env=place.env, stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout)
    faster = found["json_ms"] / found["lookup_ms"]
    return [
        (
            "one lookup, ms",
            f"a file of JSON: {found['json_ms']:.0f} ms, {faster:,.0f} times",
            found["lookup_ms"],
            5,
        ),
        ("a month's cost by project, ms", "two intervals a resource", found["month_ms"], 300),
        ("the same by day, ms", "one pass, whatever the number of days", found["days_ms"], 600),
        ("dollars per hour now, ms", "a tenth of the resources are there", found["burn_ms"], 100),
        ("what a budget still has to expect, ms", "as many intents", found["budget_ms"], 100),
        ("the file, MB", "", found["file_mb"], 100),
    ]


if __name__ == "__main__":
    sys.exit(main(f"The books with {RESOURCES:,} resources", measure, rounds=7))
