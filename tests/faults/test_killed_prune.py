"""kill -9 of `checkpoint prune` at random moments: what stays is whole, and the next one settles the rest."""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

import pytest

from core import checkpoint_files as files
from faults.counting import seed
from homes import Home
from runctl_core.checkpoints import find, manifest

pytestmark = pytest.mark.faults

KILLS = 25
CHECKPOINTS = 30
KEPT = 3
LONGEST_S = 0.003
"""A little more than one checkpoint takes."""
PRUNE = ("checkpoint", "prune", "c", "--keep-last", str(KEPT), "--yes")


def fill(folder: Path) -> list[Path]:
    """Checkpoints of several files, oldest first, each with its manifest."""
    made = []
    for number in range(CHECKPOINTS):
        path = folder / f"checkpoint-{number}"
        path.mkdir(parents=True)
        for part in range(4):
            (path / f"model-{part}.safetensors").write_bytes(files.safetensors())
        (path / "trainer_state.json").write_text(f'{{"global_step": {number}}}')
        manifest.write(str(path))
        os.utime(path, (1000 + number, 1000 + number))
        made.append(path)
    return made


def killed(home: Home, gone: int, moment_s: float) -> None:
    """Begin to prune, and kill it so long after so many are gone; it may have ended before."""
    folder = home.work / "c"
    command = home.start(*PRUNE)
    while command.poll() is None and checkpoints_in(folder) > CHECKPOINTS - gone:
        time.sleep(0.0005)
    time.sleep(moment_s)
    command.kill()
    command.communicate()


def checkpoints_in(folder: Path) -> int:
    return sum(name.startswith("checkpoint-") and not name.endswith(".json") for name in os.listdir(folder))


def wrong_after_kill(folder: Path, made: list[Path]) -> str:
    there = [path for path in made if path.exists()]
    if made[-KEPT:] != there[-KEPT:]:
        return f"lost what was to stay: {sorted(os.listdir(folder))}"
    for path in there:
        if manifest.check(str(path)).verdict != "good":
            return f"less than it was: {path.name}"
    seen = {checkpoint.path for checkpoint in find(str(folder))}
    return "" if seen == set(map(str, there)) else f"seen by halves: {seen - set(map(str, there))}"


def test_whenever_prune_is_killed_nothing_is_lost_or_halved_and_the_next_one_settles(home: Home) -> None:
    chance = random.Random(number := seed())
    template, folder, middles = home.work / "template", home.work / "c", 0
    made = [folder / path.name for path in fill(template)]
    for _ in range(KILLS):
        shutil.copytree(template, folder)
        gone, moment_s = chance.randrange(CHECKPOINTS - KEPT), chance.uniform(0, LONGEST_S)
        killed(home, gone, moment_s)
        told = f"RUNCTL_TEST_SEED={number}, killed {moment_s:.4f} s after {gone} were gone"
        assert not (wrong := wrong_after_kill(folder, made)), f"{told}: {wrong}"
        middles += KEPT < sum(path.exists() for path in made) < CHECKPOINTS
        done = home.runctl(*PRUNE)
        assert done.returncode == 0, f"{told}: {done.stderr.decode()}"
        left = {name for path in made[-KEPT:] for name in (path.name, f"{path.name}.manifest.json")}
        assert set(os.listdir(folder)) == left, f"{told}: the next prune left something over"
        shutil.rmtree(folder)
    assert middles > KILLS // 5, f"RUNCTL_TEST_SEED={number}: only {middles} kills struck in the middle"
