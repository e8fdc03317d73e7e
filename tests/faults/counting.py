"""A script that counts, saves each step, and goes on from where it was; and what must hold of its run."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from homes import Home, processes_of, wait_for

STEPS = 20
SCRIPT = f"""
import io, os, pathlib, sys, time, zipfile
folder = pathlib.Path(os.environ["RUNCTL_CHECKPOINT_DIR"])
step = 0
if source := os.environ.get("RUNCTL_RESUME_FROM"):
    step = int(zipfile.ZipFile(source).read("step.npy"))
while step < {STEPS}:
    step += 1
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("step.npy", str(step))
    partial = folder / f"step-{{step}}.tmp"
    partial.write_bytes(data.getvalue())
    partial.rename(folder / f"step-{{step}}.npz")
    print("step", step, flush=True)
    time.sleep(float(sys.argv[1]))
print("done", step, flush=True)
"""
END = f"done {STEPS}\n".encode()


def run_named(home: Home, name: str) -> str | None:
    """The id of a run, read from the books without a command that would settle them."""
    if not (home.state / "state.db").exists():
        return None
    with closing(sqlite3.connect(f"file:{home.state}/state.db?mode=ro", uri=True)) as db:
        try:
            row = db.execute("SELECT id FROM runs WHERE name = ?", (name,)).fetchone()
        except sqlite3.OperationalError:
            return None
    return row[0] if row else None


def open_ends(home: Home) -> dict[str, Any]:
    """Intents and resources that the books still hold open."""
    with closing(sqlite3.connect(home.state / "state.db")) as db:
        intents = db.execute("SELECT token FROM intents WHERE settled = 0").fetchall()
        resources = db.execute("SELECT id, problem FROM resources WHERE gone_at IS NULL").fetchall()
    return {"intents": intents, "resources": resources}


def nothing_is_left(home: Home, resource: str | None) -> str:
    """What is left of a run that is over, in words; nothing when all is well."""
    if resource is None:
        return ""
    slot = home.state / "local" / "slots" / resource
    try:
        # A run is closed before its slot is let go, and another command may be at it just now.
        wait_for(lambda: not slot.exists(), seconds=15)
    except AssertionError:
        return f"the slot {slot} was not released"
    try:
        wait_for(lambda: not processes_of(slot), seconds=5)
    except AssertionError:
        return f"processes are left: {processes_of(slot)}"
    return ""


def ends_right(home: Home, run: str) -> str:
    """Resume a run to its end; returns what is wrong with that end, or nothing."""
    done = home.runctl("resume", run, timeout=120)
    if done.returncode != 0 or not done.stdout.endswith(END):
        return f"resume ended with {done.returncode}: {done.stdout[-200:]!r} {done.stderr.decode()}"
    saved = Path(home.json("status", run)["checkpoint_dir"])
    steps = sorted(int(path.stem.partition("-")[2]) for path in saved.glob("*.npz"))
    return "" if steps == list(range(1, STEPS + 1)) else f"steps are missing: {steps}"


def seed() -> int:
    """The seed of all random moments: `RUNCTL_TEST_SEED`, or a new one."""
    return int(os.environ.get("RUNCTL_TEST_SEED") or int.from_bytes(os.urandom(3), "big"))
