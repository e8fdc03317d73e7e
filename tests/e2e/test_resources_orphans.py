"""`runctl orphans` for cron and CI: its exit status is the answer, and it is never a false "none"."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime

import pytest

import schemas
from fleet import OWNER, Fleet, row
from homes import Home
from runctl_core.models.runs import Run, RunState
from runctl_core.tracking import ResourceTracker
from runctl_core.training.plan import Plan

RUN = "brave-otter-41"


@pytest.fixture
def fleet(home: Home) -> Fleet:
    """Two providers that have nothing yet; this computer is left out."""
    home.env["RUNCTL_PLUGINS"] = "alpha,beta"
    return Fleet(home, ["alpha", "beta"])


def booked(home: Home, state: RunState, on_finish: str = "terminate") -> None:
    """A run of these books that the machine `i-1` was made for."""
    run = Run(RUN, "crab", "demo", OWNER, "alpha", "t.py", "/w", state, datetime.now(UTC), resource_id="i-1")
    plan = Plan(provider="alpha", command=("true",), workdir="/w", on_finish=on_finish)
    home.state.mkdir()
    with ResourceTracker(str(home.state / "state.db")) as tracker:
        tracker.add_run(run, plan.to_json())


def found(home: Home) -> tuple[int, list[str]]:
    """The exit status, and the keys of what was found."""
    done = home.runctl("orphans")
    return done.returncode, [line.split("\t")[0] for line in done.stdout.decode().splitlines()]


def test_nothing_at_all_is_no_orphan(home: Home, fleet: Fleet) -> None:
    assert found(home) == (0, [])


def test_a_machine_that_nothing_explains_gives_status_3(home: Home, fleet: Fleet) -> None:
    fleet.add("alpha", row("i-1"))
    assert found(home) == (3, ["alpha/i-1"])


def test_a_machine_of_somebody_who_never_used_runctl_is_found(home: Home, fleet: Fleet) -> None:
    fleet.add("beta", row("b-1", managed=False))
    assert found(home) == (3, ["beta/b-1"])


def test_a_free_machine_is_none_and_one_of_unknown_price_is(home: Home, fleet: Fleet) -> None:
    fleet.add("alpha", row("i-free", hourly_usd="0"), row("i-unknown", hourly_usd=None))
    assert found(home) == (3, ["alpha/i-unknown"])


@pytest.mark.parametrize(
    ("state", "on_finish"), [(RunState.RUNNING, "terminate"), (RunState.SUCCEEDED, "keep")], ids=str
)
def test_a_run_explains_its_machine_while_it_lives_or_keeps_it(
    home: Home, fleet: Fleet, state: RunState, on_finish: str
) -> None:
    booked(home, state, on_finish)
    fleet.add("alpha", row("i-1", tags={"runctl:run": RUN}))
    assert found(home) == (0, [])


def test_the_machine_of_a_run_that_is_over_is_reported_when_it_cannot_be_let_go(
    home: Home, fleet: Fleet
) -> None:
    booked(home, RunState.LOST)
    fleet.add("alpha", row("i-1", tags={"runctl:run": RUN}))
    fleet.misbehave("alpha", refuse={"*": "AuthenticationError"})
    assert home.runctl("resources", "list").returncode == 0
    assert found(home) == (3, ["alpha/i-1"])


def test_the_machine_of_a_launch_that_was_killed_is_let_go_and_not_reported(home: Home, fleet: Fleet) -> None:
    booked(home, RunState.PROVISIONING)
    fleet.add("alpha", row("i-1", tags={"runctl:run": RUN}))
    assert home.runctl("resources", "list").returncode == 0
    assert found(home) == (0, [])
    assert fleet.alive("alpha") == [], "a killed launch left a machine that its dead run explains"


@pytest.mark.parametrize("command", ["ignore", "adopt"])
def test_what_the_user_has_decided_about_is_reported_no_more(home: Home, fleet: Fleet, command: str) -> None:
    fleet.add("alpha", row("i-1", managed=False))
    assert home.runctl(command, "alpha/i-1").returncode == 0
    assert found(home) == (0, [])
    assert home.runctl(command, "alpha/i-1", "--undo").returncode == 0
    assert found(home) == (3, ["alpha/i-1"])


def test_a_provider_that_does_not_answer_makes_none_uncertain(home: Home, fleet: Fleet) -> None:
    fleet.misbehave("beta", fail={"list": "AuthenticationError"})
    done = home.runctl("orphans")
    assert done.returncode == 107, "cron would have taken a silent provider for an empty one"
    assert "it is not certain that there are no orphans" in done.stderr.decode()


def test_an_orphan_is_certain_whoever_does_not_answer(home: Home, fleet: Fleet) -> None:
    fleet.add("alpha", row("i-1"))
    fleet.misbehave("beta", fail={"list": "AuthenticationError"})
    done = home.runctl("orphans")
    assert done.returncode == 3
    assert "beta does not answer" in done.stderr.decode()


def test_an_orphan_of_a_provider_that_is_silent_now_is_still_reported(home: Home, fleet: Fleet) -> None:
    fleet.add("alpha", row("i-1"))
    assert found(home)[0] == 3
    fleet.misbehave("alpha", fail={"list": "AuthenticationError"})
    assert found(home) == (3, ["alpha/i-1"])


@pytest.mark.parametrize("silent", [False, True])
def test_the_document_is_the_one_that_the_reference_describes(home: Home, fleet: Fleet, silent: bool) -> None:
    if silent:
        fleet.misbehave("beta", fail={"list": "AuthenticationError"})
    else:
        fleet.add("alpha", row("i-1"))
    done = home.runctl("orphans", "--json")
    document = json.loads(done.stdout)
    schemas.check("orphans", document)
    assert (done.returncode, len(document["unanswered"])) == ((107, 1) if silent else (3, 0))


def test_a_command_to_paste_is_one_command_whatever_the_id_is(home: Home, fleet: Fleet) -> None:
    resource_id = "i-1; touch pasted #'"
    fleet.add("alpha", row(resource_id))
    told = home.runctl("orphans").stderr.decode() + home.runctl("resources", "insights").stdout.decode()
    commands = re.findall(r"runctl (?:resources cleanup|adopt|ignore) (.*)", told)
    assert len(commands) > 3, "it names no command any more"
    assert {tuple(shlex.split(words)) for words in commands} == {(f"alpha/{resource_id}",)}
