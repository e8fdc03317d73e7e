"""kill -9 of the command at random moments of its launch: no intent, slot or process is left open."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from faults.counting import END, SCRIPT, ends_right, nothing_is_left, open_ends, run_named, seed
from homes import Home, processes_of, wait_for

pytestmark = pytest.mark.faults

MOMENTS = 40
AT_ONCE = 4
OVER = ("failed", "succeeded")


def killed_launch(home: Home, name: str, moment_s: float) -> tuple[str, str]:
    """Kill a launch after `moment_s`; returns how its run ended, and what was wrong."""
    command = home.start("train", "s.py", "--name", name, "--detach", "--", "0.01")
    time.sleep(moment_s)
    command.kill()
    command.communicate()
    run = run_named(home, name)
    if run is None:
        return "never was", ""
    document = wait_for(
        lambda: (seen := home.json("status", run))["state"] in OVER and seen,
        seconds=30,
        why=f"{name} is not over",
    )
    wrong = nothing_is_left(home, document["resource"])
    if document["state"] == "succeeded":
        whole = home.runctl("logs", run).stdout.endswith(END)
        return "went on", wrong or ("" if whole else "a success without its end")
    if document["ended_by"] != "launch":
        return "failed", f"failed by {document['ended_by']}: {document['reason']}"
    return "was closed", wrong or ends_right(home, run)


def test_a_launch_that_is_killed_leaves_nothing_open_and_no_doubt(home: Home) -> None:
    home.write("s.py", SCRIPT)
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:  # how long a launch takes beside others
        list(pool.map(lambda n: home.detached("s.py", "--name", f"whole-{n}", "--", "0"), range(AT_ONCE)))
    whole_s = time.monotonic() - began
    chance = random.Random(number := seed())
    moments = [chance.uniform(0.2 * whole_s, 1.1 * whole_s) for _ in range(MOMENTS)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ends = list(pool.map(lambda n: killed_launch(home, f"killed-{n}", moments[n]), range(MOMENTS)))
    wrong = [f"killed-{n} after {moments[n]:.3f} s: {what}" for n, (_, what) in enumerate(ends) if what]
    assert not wrong, f"RUNCTL_TEST_SEED={number}:\n" + "\n".join(wrong)
    assert home.runctl("ps").stdout == b""
    assert open_ends(home) == {"intents": [], "resources": []}
    assert list((home.state / "local" / "slots").glob("local-*")) == []
    assert processes_of(home.state) == []
    hit = {how for how, _ in ends}
    assert {"was closed", "went on"} <= hit, f"the moments hit too little: {hit}, {whole_s:.2f} s"
