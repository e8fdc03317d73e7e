"""Two users of one state directory, twenty runs at once: every row, every byte, no lock met."""

from __future__ import annotations

import subprocess
import threading

import pytest

from faults.counting import open_ends
from homes import RUNCTL, Home

pytestmark = pytest.mark.faults

EACH = 10
LINES = 3000
SCRIPT = f"""
import sys, time
for line in range({LINES}):
    print(sys.argv[1], line, "x" * (line % 90), flush=line % 100 == 0)
    if line % 1000 == 0: time.sleep(0.3)
"""
SHELL = (
    f'for n in $(seq {EACH}); do "$0" train s.py --name $1-$n -- $1-$n > $1-$n.out 2> $1-$n.err & done; wait'
)


def expected(name: str) -> bytes:
    return b"".join(f"{name} {line} {'x' * (line % 90)}\n".encode() for line in range(LINES))


def test_two_shells_and_twenty_runs_at_once_lose_no_row_and_no_byte(home: Home) -> None:
    home.write("s.py", SCRIPT)  # no command ran here yet: both shells find no state directory at all
    over, looks = threading.Event(), []

    def look_on() -> None:
        while not over.wait(0.1):
            looks.append(home.runctl("ps", "--json"))

    shells = [
        subprocess.Popen(["sh", "-c", SHELL, RUNCTL, user], cwd=home.work, env=home.env)
        for user in ("ann", "bob")
    ]
    watcher = threading.Thread(target=look_on)
    watcher.start()
    try:
        assert [shell.wait(150) for shell in shells] == [0, 0]
    finally:
        over.set()
        watcher.join()
    names = [f"{user}-{n}" for user in ("ann", "bob") for n in range(1, EACH + 1)]
    for name in names:
        said = (home.work / f"{name}.err").read_text()
        assert (home.work / f"{name}.out").read_bytes() == expected(name), f"{name} lost output: {said}"
        assert "locked" not in said
        assert "succeeded" in said
    assert all(look.returncode == 0 for look in looks), [look.stderr for look in looks if look.returncode]
    assert looks, "nobody looked on"
    rows = home.json("runs")
    assert sorted(row["name"] for row in rows) == sorted(names)
    assert {row["state"] for row in rows} == {"succeeded"}
    for row in rows:
        assert home.runctl("logs", row["run"]).stdout == expected(row["name"]), "its log at home is not whole"
        states = [change["state"] for change in home.json("status", row["run"])["changes"]]
        assert [s for s in states if s != "running"] == [
            "planned", "provisioning", "syncing", "setting_up", "collecting", "succeeded",
        ]  # fmt: skip
    assert open_ends(home) == {"intents": [], "resources": []}
