"""A home in which there is something to watch, and `runctl top` in a real tmux on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fleet import Fleet, row
from homes import RUNCTL, Home, wait_for
from tmux import Tmux

COUNT = """
import os, time
open(os.environ["RUNCTL_CHECKPOINT_DIR"] + "/step-7.pt", "wb").write(b"x" * 1000)
for i in range(100000):
    print("epoch", i, flush=True)
    time.sleep(0.05)
"""


class Scene:
    """A fleet of two providers, a run that failed and one that goes on.

    Attributes:
        home: Where it all is.
        fleet: The providers `alpha` and `beta`.
        run: The live run's id.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self.fleet = Fleet(home, ["alpha", "beta"])
        self.fleet.add("alpha", row("i-gpu", hourly_usd="2.50", gpu="H100", gpu_count=2), row("i-cpu"))
        self.fleet.add("alpha", row("i-dark", hourly_usd=None), row("x-theirs", managed=False))
        self.fleet.add("beta", row("b-1", hourly_usd="0.25"))
        home.write("fails.py", "print('hello'); raise SystemExit(3)")
        home.write("count.py", COUNT)
        assert home.runctl("train", "--provider", "local", "fails.py").returncode == 3
        self.run = home.detached("--provider", "local", "count.py")
        wait_for(lambda: b"epoch" in home.runctl("logs", self.run).stdout)

    @contextmanager
    def top(
        self, width: int = 80, height: int = 24, *, command: str = "%s top", wait: str = ""
    ) -> Iterator[Tmux]:
        """The dashboard on a terminal of this size, once it shows the live run."""
        with Tmux(self.home, width, height) as tmux:
            tmux.type(command % RUNCTL)
            tmux.until(wait or self.run)
            yield tmux

    def end(self) -> None:
        """Stop what still runs."""
        self.home.runctl("stop", self.run, "--grace-seconds", "0")
