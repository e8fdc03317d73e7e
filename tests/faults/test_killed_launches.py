"""kill -9 of the command at random moments of its launch: no intent, slot or process is left open."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any

import pytest

from faults.counting import END, SCRIPT, ends_right, nothing_is_left, open_ends, run_named, seed
from homes import Home, processes_of, wait_for

pytestmark = pytest.mark.faults

MOMENTS, MOST = 40, 200
"""So many launches are killed, and more while none was struck in its middle."""

AT_ONCE = 4
OVER = ("failed", "succeeded", "cancelled")
MIDDLES = {"was closed", "went on"}


def over(home: Home, run: str, name: str) -> dict[str, Any]:
    """What is said of a run once it is over."""
    seen: list[dict[str, Any]] = []

    def ended() -> bool:
        seen[:] = [home.json("status", run)]
        return seen[0]["state"] in OVER

    try:
        wait_for(ended, seconds=30)
    except AssertionError as error:
        raise AssertionError(f"{name} is not over: {seen}") from error
    return seen[0]


def killed_launch(home: Home, name: str, moment_s: float) -> tuple[str, str]:
    """Kill a launch after `moment_s`; returns how its run ended, and what was wrong."""
    command = home.start("train", "s.py", "--name", name, "--detach", "--", "0.01")
    time.sleep(moment_s)
    command.kill()
    command.communicate()
    run = run_named(home, name)
    if run is None:
        return "never was", ""
    document = over(home, run, name)
    # A launch settles what others left, and may be killed in the middle of it: the next command goes on.
    home.runctl("ps")
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
    chance, moments, ends = random.Random(number := seed()), list[float](), list[tuple[str, str]]()
    while len(ends) < MOMENTS or (not {how for how, _ in ends} >= MIDDLES and len(ends) < MOST):
        more = [chance.uniform(0.2 * whole_s, 1.1 * whole_s) for _ in range(MOMENTS // 2)]
        names = [f"killed-{len(moments) + number}" for number in range(len(more))]
        moments += more
        with ThreadPoolExecutor(AT_ONCE) as pool:
            ends += pool.map(killed_launch, repeat(home), names, more)
    wrong = [f"killed-{n} after {moments[n]:.3f} s: {what}" for n, (_, what) in enumerate(ends) if what]
    assert not wrong, f"RUNCTL_TEST_SEED={number}:\n" + "\n".join(wrong)
    assert home.runctl("ps").stdout == b""
    assert open_ends(home) == {"intents": [], "resources": []}
    assert list((home.state / "local" / "slots").glob("local-*")) == []
    assert processes_of(home.state) == []
    hit = {how for how, _ in ends}
    assert hit >= MIDDLES, f"the moments hit too little: {hit}, {whole_s:.2f} s"
