"""Ten thousand damaged checkpoints: none crashes, holds or fills a command, and none is called good."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from faults.counting import seed

pytestmark = pytest.mark.faults

TESTS = Path(__file__).parents[1]
PROGRAM = str(TESTS / "faults" / "checkpoint_fuzz.py")
CASES, PROCESSES = 10_000, 2
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a disk takes longer than runctl


def test_no_damaged_checkpoint_crashes_holds_or_fills_a_command_or_is_called_good() -> None:
    chosen, each = seed(), CASES // PROCESSES
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        going = [_start(folder, chosen, first, each) for first in range(0, CASES, each)]
        ends = [(*process.communicate(timeout=150), process.returncode) for process in going]
    for said, problems, status in ends:
        again = f"PYTHONPATH=tests python {PROGRAM} FOLDER {chosen} CASE 1"
        assert status == 0, f"a checkpoint broke a command: {again}\n{problems[-5000:]}"
        assert said.split()[0] == str(each)


def _start(folder: str, chosen: int, first: int, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, PROGRAM, f"{folder}/{first}", str(chosen), str(first), str(count)],
        env={**os.environ, "PYTHONPATH": str(TESTS), "RUNCTL_STATE_DIR": f"{folder}/state"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="backslashreplace",
    )
