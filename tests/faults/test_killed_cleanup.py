"""kill -9 of `resources cleanup` at random moments, and two at once, over clouds that are slow to end."""

from __future__ import annotations

import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from faults.counting import seed
from fleet import Fleet, row
from homes import Home

pytestmark = pytest.mark.faults

MOMENTS = 30
AT_ONCE = 3
CLOUDS = ("alpha", "beta")
TO_GO = [f"i-{number}" for number in range(12)]
TO_STAY = {
    "protected": {"tags": {"runctl:protected": "true"}},
    "bobs": {"tags": {"runctl:owner": "bob"}},
    "of-unknown-run": {"tags": {"runctl:run": "calm-crab-11"}},
    "attached": {"kind": "volume", "attached_to": "i-0"},
    "young": {"created_at": None},
}
"""Fields of resources that no cleanup may touch."""


class Ground:
    """A home with two clouds, each with what is to go and what is to stay."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.fleet = Fleet(self.home, CLOUDS)
        for cloud in CLOUDS:
            self.fleet.add(cloud, *map(row, TO_GO), *(row(name, **f) for name, f in TO_STAY.items()))
            self.fleet.add(
                cloud, row("young", created_at=datetime.now(UTC).isoformat()), row("x", managed=False)
            )
            self.fleet.misbehave(cloud, ending_s=0.2, delay_s=0.02)

    def clean(self) -> str:
        """Run the command to its end; returns what is wrong, or nothing."""
        done = self.home.runctl("resources", "cleanup", "--yes", timeout=120)
        return "" if done.returncode == 0 else f"status {done.returncode}: {done.stderr.decode()}"

    def wrong_now(self) -> Iterator[str]:
        """What must hold at every moment, and does not."""
        for cloud in CLOUDS:
            asked = Counter(
                call.split()[1] for call in self.fleet.calls(cloud) if call.startswith("terminate")
            )
            if strangers := asked.keys() - set(TO_GO):
                yield f"{cloud} was asked to end {sorted(strangers)}"
            if unannounced := asked - Counter(self.announced(cloud)):
                yield f"{cloud} ended {dict(unannounced)} without a row in the audit log"

    def wrong_at_last(self) -> Iterator[str]:
        """What must hold once a command has come to its end, and does not."""
        kept = sorted([*TO_STAY, "x"])
        for cloud in CLOUDS:
            if self.fleet.alive(cloud) != kept:
                yield f"{cloud} has {self.fleet.alive(cloud)}"
            if self.books(cloud) != sorted(TO_STAY):
                yield f"of {cloud} the books have {self.books(cloud)}"

    def announced(self, cloud: str) -> list[str]:
        return self.read("SELECT resource_id FROM audit WHERE answer IS NULL AND provider = ?", cloud)

    def books(self, cloud: str) -> list[str]:
        return sorted(self.read("SELECT id FROM resources WHERE gone_at IS NULL AND provider = ?", cloud))

    def read(self, query: str, *values: str) -> list[str]:
        if not (self.home.state / "state.db").exists():
            return []
        with closing(sqlite3.connect(self.home.state / "state.db", timeout=30)) as db:
            try:
                return [found for (found,) in db.execute(query, values)]
            except sqlite3.OperationalError:  # killed before the books had their tables
                return []


def strike(ground: Ground, moment_s: float) -> tuple[int, list[str]]:
    """Kill a cleanup after a while, and let another one finish: how many were asked for, what is wrong."""
    command = ground.home.start("resources", "cleanup", "--yes")
    time.sleep(moment_s)
    command.kill()
    command.communicate()
    wrong = list(ground.wrong_now())
    asked = len([call for cloud in CLOUDS for call in ground.fleet.calls(cloud) if "terminate" in call])
    if failed := ground.clean():
        wrong.append(failed)
    return asked, [*wrong, *ground.wrong_now(), *ground.wrong_at_last()]


def test_a_cleanup_killed_at_any_moment_deletes_nothing_else_and_the_next_one_settles_the_rest(
    tmp_path: Path,
) -> None:
    grounds = [Ground(tmp_path / str(number)) for number in range(MOMENTS + AT_ONCE)]
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:  # how long one takes beside others
        assert list(pool.map(Ground.clean, grounds[MOMENTS:])) == [""] * AT_ONCE
    whole_s = time.monotonic() - began
    chance = random.Random(number := seed())
    moments = [chance.uniform(0.3 * whole_s, whole_s) for _ in range(MOMENTS)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ends = list(pool.map(strike, grounds[:MOMENTS], moments))
    wrong = [f"killed after {moments[n]:.3f} s: {what}" for n, (_, said) in enumerate(ends) for what in said]
    assert not wrong, f"RUNCTL_TEST_SEED={number}:\n" + "\n".join(wrong)
    hit = [asked for asked, _ in ends]
    every = len(CLOUDS) * len(TO_GO)
    assert any(0 < asked < every for asked in hit), f"no moment hit a deletion: {hit}, {whole_s:.2f} s"


def test_two_cleanups_at_once_delete_what_one_deletes(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    ground.home.runctl("ps")
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda _: ground.clean(), range(2)))
    assert said == ["", ""], "one of two cleanups fails because of the other"
    assert [*ground.wrong_now(), *ground.wrong_at_last()] == []
