"""Ten thousand damaged checkpoints: none crashes, holds or fills a command, and none is called good."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from faults.counting import seed

pytestmark = pytest.mark.faults

TESTS = Path(__file__).parents[1]
PROGRAM = str(TESTS / "faults" / "checkpoint_fuzz.py")
CASES, AT_ONCE = 10_000, 2_500


@pytest.mark.parametrize("first", range(0, CASES, AT_ONCE))
def test_no_damaged_checkpoint_breaks_a_promise(tmp_path: Path, first: int) -> None:
    chosen = seed()
    words = [str(chosen), str(first), str(AT_ONCE)]
    done = subprocess.run(
        [sys.executable, PROGRAM, str(tmp_path / "cases"), *words],
        env={**os.environ, "PYTHONPATH": str(TESTS), "RUNCTL_STATE_DIR": str(tmp_path / "state")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=120,
        check=False,
    )
    again = f"RUNCTL_TEST_SEED={chosen}; PYTHONPATH=tests python {PROGRAM} FOLDER {chosen} CASE 1"
    assert done.returncode == 0, f"{again}\n{done.stderr[-4000:]}"
    assert done.stdout.split()[0] == str(AT_ONCE)
