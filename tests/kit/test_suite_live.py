"""The live profile: asked for twice, never dearer than its budget, and all gone, even after kill -9."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest

from homes import wait_for
from kit.authors import Author
from runctl_core.api import LaunchSpec, Price, ResourceRequest
from runctl_core.testing.launcher import PROJECT
from runctl_core.testing.live_checks import Budget
from runctl_core.testing.sweep import sweep
from runctl_local.provider import LocalProvider
from runctl_local.settings import Settings

ON_ACME = """
@pytest.fixture(scope="session")
def account(self, tmp_path_factory):
    with FakeCloud(tmp_path_factory.mktemp("account")) as made:
        yield made
        alive = [m.id for m in made.machines() if not m.gone]
        print("MADE", len(made.machines()), "LEFT", len(alive))

@pytest.fixture
def live_provider(self, account):
    return Acme(account)
"""
LIVE = ("--runctl-profile", "live", "-k", "live", "-s")

SLOTS = """
from pathlib import Path
from runctl_local.provider import LocalProvider
from runctl_local.settings import Settings

HOME = Path(__file__).parent / "account"


def make():
    return LocalProvider(Settings(str(HOME)))
"""
HANGS = """
costs_nothing = True

@pytest.fixture
def live_provider(self):
    from slots import make

    return make()

@replaces("it is killed in its middle")
def test_live_one_whole_life(self, live):
    import time
    from pathlib import Path

    live.ready()
    Path("made").touch()
    time.sleep(600)
"""


@pytest.fixture
def slots(author: Author) -> LocalProvider:
    """An account that outlives a process: slots of this computer."""
    (author.folder / "slots.py").write_text(SLOTS)
    author.writes(HANGS)
    return LocalProvider(Settings(str(author.folder / "account")))


def strangers_slot(provider: LocalProvider) -> str:
    """A slot that somebody else's run has there."""
    (offer,) = provider.offers(ResourceRequest(instance_type="cpu"))
    return provider.create_resource(LaunchSpec("t-1", "theirs", offer, {"runctl:project": "theirs"})).id


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "add --runctl-live"),
        (("--runctl-live",), "--runctl-budget takes dollars above zero"),
        (("--runctl-live", "--runctl-budget", "-1"), "--runctl-budget takes dollars above zero"),
        (("--runctl-live", "--runctl-budget", "NaN"), "--runctl-budget takes dollars above zero"),
        (("--runctl-live", "--runctl-budget", "5", "-n", "2"), "run it without -n"),
    ],
)
def test_nothing_is_made_without_a_gate_and_a_budget(
    author: Author, words: tuple[str, ...], why: str
) -> None:
    author.writes(ON_ACME)
    done = author.runs(*LIVE, *words)
    assert done.returncode == 4, done.stdout
    assert why in done.stderr
    assert "MADE" not in done.stdout


def test_live_checks_hold_and_leave_nothing(author: Author) -> None:
    author.writes(ON_ACME)
    done = author.runs(*LIVE, "--runctl-live", "--runctl-budget", "0.08")
    assert "3 passed" in done.stdout, done.stdout
    assert "MADE 2 LEFT 0" in done.stdout, "a machine of the kit would cost money"


def test_a_launch_that_the_budget_does_not_cover_is_not_made(author: Author) -> None:
    author.writes(ON_ACME)
    done = author.runs(*LIVE, "--runctl-live", "--runctl-budget", "0.045", "-rs")
    assert "MADE 1 LEFT 0" in done.stdout, f"half an hour at $0.05 is $0.025\n{done.stdout}"
    assert "$0.02 of --runctl-budget are left" in done.stdout


@pytest.mark.parametrize("hourly", ["0.37", "2.5", "0", None])
def test_a_budget_is_never_passed(hourly: str | None) -> None:
    budget = Budget(Decimal(1))
    price = Price(None if hourly is None else Decimal(hourly))
    made = sum(budget.covers(price) for _ in range(10))
    assert made * Decimal(hourly or 0) / 2 <= 1, "more was launched than the author allowed"
    assert budget.left_usd >= 0
    assert made == {"0.37": 5, "2.5": 0, "0": 10, None: 0}[hourly], "an unknown price is covered by nothing"


def test_what_a_killed_run_left_is_swept_and_nothing_else(author: Author, slots: LocalProvider) -> None:
    theirs = strangers_slot(slots)
    killed = subprocess.Popen(
        author.command(*LIVE, "--runctl-live", "--runctl-budget", "1"), cwd=author.folder, env=author.env
    )
    wait_for((author.folder / "made").exists)
    killed.kill()
    killed.wait()
    left = [r for r in slots.list_resources() if r.project == PROJECT]
    assert len(left) == 1, "the run was not killed in its middle"
    done = subprocess.run(
        [sys.executable, "-m", "runctl_core.testing.sweep", "slots:make"],
        cwd=author.folder,
        env=author.env,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, f"ended {left[0].id}\n"), done.stderr
    assert [r.id for r in slots.list_resources() if r.kind == "machine"] == [theirs]


def test_the_next_live_run_ends_what_a_killed_one_left(author: Author, slots: LocalProvider) -> None:
    (offer,) = slots.offers(ResourceRequest(instance_type="cpu"))
    tags = {"runctl:project": PROJECT, "runctl:token": "t-2"}
    slots.create_resource(LaunchSpec("t-2", "kit-left", offer, tags))
    done = author.runs(
        "--runctl-profile", "live", "-k", "test_live_create", "--runctl-live", "--runctl-budget", "1"
    )
    assert "1 passed" in done.stdout, f"what was left made the check fail:\n{done.stdout}"
    assert [r.id for r in slots.list_resources() if r.kind == "machine"] == []


def test_sweeping_nothing_says_so(author: Author, slots: LocalProvider) -> None:
    assert sweep(slots) == []


@pytest.mark.parametrize("words", [[], ["slots"], ["slots:"], ["a:b", "c:d"]])
def test_a_sweep_of_nothing_in_particular_is_a_usage_error(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runctl_core.testing.sweep", *words], capture_output=True, text=True
    )
    assert done.returncode == 101
    assert "MODULE:FACTORY" in done.stderr
