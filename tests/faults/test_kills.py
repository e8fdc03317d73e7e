"""kill -9 of the script, the runner, the guard, the command, at random moments of real runs."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from faults.counting import END, SCRIPT, ends_right, nothing_is_left, open_ends, run_named, seed
from homes import Home, wait_for

pytestmark = pytest.mark.faults

MOMENTS = 50
AT_ONCE = 5
TELL_S = 15.0
LONGEST_S = 2.6
VICTIMS = (
    ("script",),
    ("runner",),
    ("guard",),
    ("runner", "script"),
    ("guard", "runner"),
    ("guard", "runner", "script"),
    ("command",),
    ("command", "script"),
    ("command", "runner"),
    ("command", "guard", "runner", "script"),
)
PIDS = {"script": "pid", "runner": "runner_pid", "guard": "guard_pid"}


class Strike:
    """One run, and what is killed of it when."""

    def __init__(self, home: Home, number: int, victims: tuple[str, ...], moment_s: float) -> None:
        self.home = home
        self.name = f"strike-{number}"
        self.victims = victims
        self.moment_s = moment_s
        self.killed: dict[str, int] = {}
        self.document: dict[str, Any] = {}

    def __str__(self) -> str:
        return f"{self.name}, {'+'.join(self.victims)} killed after {self.moment_s:.3f} s: {self.killed}"

    def carry_out(self) -> str:
        """Returns what was wrong, or nothing."""
        command = self.home.start(
            "train",
            "s.py",
            "--name",
            self.name,
            "--",
            "0.1",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            run = wait_for(lambda: self.begun(), seconds=60, why=f"{self}: the job never began")
            time.sleep(self.moment_s)
            self.strike(run, command.pid)
            wrong = self.told(run)
        finally:
            if "command" in self.victims:
                command.kill()
            status = command.wait(60)
        return wrong or self.command_is_right(status) or self.over_and_done(run)

    def begun(self) -> str | None:
        run = run_named(self.home, self.name)
        return run if run and self.home.job(run)["runner_pid"] else None

    def strike(self, run: str, command: int) -> None:
        try:
            job = self.home.job(run)
        except (ValueError, FileNotFoundError):  # it ended, and its slot is gone or going
            job = {"phase": "finished"}
        over = job["phase"] in ("finished", "lost")  # those numbers may be somebody else's by now
        for victim in self.victims:
            pid = command if victim == "command" else None if over else job[PIDS[victim]]
            if pid:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                self.killed[victim] = pid

    def told(self, run: str) -> str:
        """The state that a user is told, in time, and whether it is true."""
        ends_it = self.killed.keys() & {"script", "runner"}
        end = time.monotonic() + (TELL_S if ends_it else 60)
        while True:
            asked_at = time.monotonic()
            self.document = self.home.json("status", run)
            if self.document["state"] in ("failed", "lost", "succeeded", "cancelled"):
                break
            if asked_at > end:
                return f"it is still {self.document['state']}"
            time.sleep(0.2)
        state, log = self.document["state"], self.home.runctl("logs", run).stdout
        if state == "succeeded":
            return (
                "" if log.endswith(END) and self.document["exit_code"] == 0 else f"no success: {log[-50:]!r}"
            )
        if not ends_it:
            return f"{state}, and nothing that ends a run was killed"
        if self.killed.keys() & {"script", "runner"} == {"script"} and self.document["signal"] != 9:
            return f"{state} by signal {self.document['signal']}"
        return "" if state in ("failed", "lost") else f"it is {state}"

    def command_is_right(self, status: int) -> str:
        """The command that was not killed followed to the end, and says it by its exit status."""
        if "command" in self.killed:
            return ""
        wanted = {"succeeded": 0, "lost": 112, "failed": 128 + 9}[self.document["state"]]
        return "" if status == wanted else f"`train` ended with {status} for {self.document['state']}"

    def over_and_done(self, run: str) -> str:
        """Nothing is left, and a resume comes to the right end."""
        wrong = nothing_is_left(self.home, self.document["resource"])
        return wrong or ("" if self.document["state"] == "succeeded" else ends_right(self.home, run))


def test_whatever_is_killed_whenever_the_state_is_true_nothing_is_left_and_resume_works(home: Home) -> None:
    home.write("s.py", SCRIPT)
    home.runctl("ps")
    chance = random.Random(number := seed())
    strikes = [
        Strike(home, n, VICTIMS[n % len(VICTIMS)], chance.uniform(0, LONGEST_S)) for n in range(MOMENTS)
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = list(pool.map(Strike.carry_out, strikes))
    wrong = [f"{strike}: {what}" for strike, what in zip(strikes, told, strict=True) if what]
    assert not wrong, f"RUNCTL_TEST_SEED={number}:\n" + "\n".join(wrong)
    assert open_ends(home) == {"intents": [], "resources": []}
    states = [strike.document["state"] for strike in strikes]
    assert {"failed", "lost", "succeeded"} <= set(states), f"the moments hit too little: {states}"
