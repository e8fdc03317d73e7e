"""Resuming: from the newest whole checkpoint, and never from a torn one."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from homes import Home, wait_for

# Ten steps; one checkpoint a step, in a format that tells whether it is whole.
SCRIPT = """
import io, os, pathlib, struct, sys, time, json, zipfile
folder = pathlib.Path(os.environ["RUNCTL_CHECKPOINT_DIR"])
step = 0
if source := os.environ.get("RUNCTL_RESUME_FROM"):
    step = int(zipfile.ZipFile(source).read("step.npy"))
    print("resumed at", step, flush=True)
pause = float(sys.argv[1]) if len(sys.argv) > 1 else 0
while step < 10:
    step += 1
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("step.npy", str(step))
    partial = folder / f"step-{step}.tmp"
    partial.write_bytes(data.getvalue())
    partial.rename(folder / f"step-{step}.npz")
    print("step", step, flush=True)
    time.sleep(pause)
print("done", step)
"""


def _kill_after(home: Home, step: int) -> str:
    run = home.detached("s.py", "--", "0.3")
    wait_for(lambda: f"step {step}\n".encode() in (home.job_dir(run) / "log").read_bytes())
    os.kill(home.job(run)["pid"], signal.SIGKILL)
    wait_for(lambda: home.state_of(run) == "failed")
    return run


def test_a_killed_run_goes_on_from_its_newest_checkpoint(home: Home) -> None:
    home.write("s.py", SCRIPT)
    run = _kill_after(home, 3)
    assert "SIGKILL" in home.json("why", run)["summary"]
    done = home.runctl("resume", run)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.startswith(b"resumed at ")
    assert done.stdout.endswith(b"done 10\n")
    document = home.json("status", run)
    assert (document["attempt"], document["state"]) == (2, "succeeded")
    assert "step-" in document["resumed_from"]
    assert b"step 1\n" in home.runctl("logs", run, "--attempt", "1").stdout


@pytest.mark.parametrize("damage", ["cut", "empty", "garbage"])
def test_a_torn_newest_checkpoint_is_passed_over_and_said(home: Home, damage: str) -> None:
    home.write("s.py", SCRIPT)
    run = _kill_after(home, 4)
    folder = Path(home.json("status", run)["checkpoint_dir"])
    newest = max(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime_ns)
    whole = newest.read_bytes()
    newest.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "garbage": b"\0" * 500}[damage])
    done = home.runctl("resume", run)
    assert done.returncode == 0
    assert f"passed over, not whole: {newest}".encode() in done.stderr
    step = int(newest.stem.partition("-")[2])
    assert done.stdout.startswith(f"resumed at {step - 1}\n".encode())
    assert done.stdout.endswith(b"done 10\n")


def test_without_a_checkpoint_it_begins_anew_and_says_so(home: Home) -> None:
    home.write("s.py", "import sys; sys.exit(3)")
    assert home.runctl("train", "s.py").returncode == 3
    done = home.runctl("resume", "latest")
    assert done.returncode == 3
    assert b"begins anew" in done.stderr


def test_a_live_run_is_not_resumed(home: Home) -> None:
    home.write("s.py", "import time; time.sleep(60)")
    run = home.detached("s.py")
    done = home.runctl("resume", run)
    assert done.returncode == 104
    assert home.json("status", run)["attempt"] == 1


def test_train_resumes_from_a_checkpoint_that_is_named(home: Home) -> None:
    home.write("s.py", SCRIPT)
    home.runctl("train", "s.py")
    folder = Path(home.json("status", "latest")["checkpoint_dir"])
    done = home.runctl("train", "s.py", "--resume", str(folder / "step-7.npz"))
    assert done.stdout.startswith(b"resumed at 7\n")
    torn = home.write("torn.npz", b"PK")
    refused = home.runctl("train", "s.py", "--resume", str(torn))
    assert refused.returncode == 101
    assert len(home.json("runs")) == 2


def test_a_receipt_tells_everything(home: Home) -> None:
    home.write("s.py", SCRIPT)
    document = json.loads(home.runctl("train", "s.py", "--json").stdout)
    receipt = json.loads((Path(document["results"]) / "receipt.json").read_text())
    assert receipt["exit_code"] == 0
    assert receipt["cost_usd"] == "0"
    assert len(receipt["checkpoints"]) == 10
    assert Path(receipt["log"]).read_bytes().endswith(b"done 10\n")
