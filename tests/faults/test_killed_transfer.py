"""kill -9 of `transfer` at random moments: no name stands for half a file, and the same command goes on."""

from __future__ import annotations

import filecmp
import random
import shutil
import time
from pathlib import Path

import pytest

import shelf
from core import checkpoint_files as files
from faults.counting import seed
from homes import Home, wait_for
from runctl_core.checkpoints import manifest

pytestmark = pytest.mark.faults

KILLS = 25
LONGEST_S = 0.02
BIG_BYTES = 20_000_000


@pytest.fixture
def source(home: Home) -> Path:
    """A large file, many small ones, and a checkpoint with its manifest."""
    folder = home.work / "source"
    (folder / "checkpoint-1").mkdir(parents=True)
    chance = random.Random(1)
    (folder / "checkpoint-1" / "optimizer.bin").write_bytes(
        chance.randbytes(1_000_000) * (BIG_BYTES // 10**6)
    )
    for number in range(20):
        (folder / "checkpoint-1" / f"m-{number}.safetensors").write_bytes(files.safetensors())
        (folder / f"log-{number}.txt").write_bytes(chance.randbytes(10_000))
    manifest.write(str(folder / "checkpoint-1"))
    return folder


def visible(folder: Path) -> dict[str, Path]:
    """What stands under a name there: not what is on its way."""
    found = (path for path in folder.rglob("[!.]*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}


def killed(home: Home, target: str, folder: Path, done: int, moment_s: float) -> None:
    """Begin a transfer, and kill it so long after so many files are there; it may have ended before."""
    command = home.start("transfer", "source", target)
    wait_for(lambda: folder.exists() or command.poll() is not None, seconds=30)
    while command.poll() is None and len(visible(folder)) < done:
        time.sleep(0.0005)
    time.sleep(moment_s)
    command.kill()
    command.communicate()


def wrong_after_kill(source: Path, folder: Path) -> str:
    wanted, there = visible(source), visible(folder)
    for name, path in there.items():
        if name not in wanted or not filecmp.cmp(path, wanted[name], shallow=False):
            return f"{name} stands for something that it is not"
    if (
        "checkpoint-1.manifest.json" in there
        and manifest.check(str(folder / "checkpoint-1")).verdict != "good"
    ):
        return "a manifest vouches for a checkpoint that is not all there"
    return ""


def test_whenever_transfer_is_killed_no_file_is_halved_and_the_same_command_goes_on(
    home: Home, source: Path
) -> None:
    shelves = shelf.in_home(home)
    chance, middles, names = random.Random(number := seed()), 0, visible(source).keys()
    for kill in range(KILLS):
        to_store = kill % 5 == 4
        folder = shelves.root / "red" / "x" if to_store else home.work / "there"
        target = "shelf://red/x" if to_store else "there"
        done, moment_s = chance.randrange(len(names)), chance.uniform(0, LONGEST_S)
        killed(home, target, folder, done, moment_s)
        told = f"RUNCTL_TEST_SEED={number}, to {target}, killed {moment_s:.4f} s after {done} files came"
        assert not (wrong := wrong_after_kill(source, folder)), f"{told}: {wrong}"
        middles += visible(folder).keys() != names
        again = home.runctl("transfer", "source", target)
        assert again.returncode == 0, f"{told}: {again.stderr.decode()}"
        assert not (wrong := wrong_after_kill(source, folder)), f"{told}: {wrong}"
        assert visible(folder).keys() == names, f"{told}: the next one did not bring the rest"
        assert not [*folder.rglob(".runctl-*")], f"{told}: the next one left something over"
        shutil.rmtree(folder)
    assert middles > KILLS // 5, f"RUNCTL_TEST_SEED={number}: only {middles} kills struck in the middle"
