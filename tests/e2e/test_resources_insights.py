"""`runctl resources insights` with what the providers and the machines themselves say."""

from __future__ import annotations

import pytest

from fleet import OWNER, Fleet, row
from homes import Home, wait_for
from runctl_core.clock import now
from runctl_core.models.runs import Run, RunState
from runctl_core.tracking import ResourceTracker

RUN = "brave-otter-41"


@pytest.fixture
def fleet(home: Home) -> Fleet:
    """One provider with a machine that a live run of these books uses."""
    home.env["RUNCTL_PLUGINS"] = "alpha"
    made = Fleet(home, ["alpha"])
    made.add("alpha", row("i-1", tags={"runctl:run": RUN}))
    home.state.mkdir()
    run = Run(RUN, "crab", "demo", OWNER, "alpha", "t.py", "/w", RunState.RUNNING, now(), resource_id="i-1")
    with ResourceTracker(str(home.state / "state.db")) as tracker:
        tracker.add_run(run, {})
    return made


def findings(home: Home, *options: str) -> dict[str, tuple[str, str]]:
    """Finding to evidence and fix."""
    done = home.runctl("resources", "insights", *options)
    assert done.returncode == 0, done.stderr.decode()
    rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
    return {cells[1]: (cells[3], cells[4]) for cells in rows}


def test_a_machine_that_is_cheaper_as_spot_is_found(home: Home, fleet: Fleet) -> None:
    fleet.misbehave("alpha", spot_offers={"large": "0.30", "small": "0.10"})
    evidence, fix = findings(home)["spot"]
    assert evidence == "$0.30/h as spot, not $1.00/h"
    assert fix == "runctl offers --provider alpha --instance-type large --spot"
    assert b"large" in home.runctl(*fix.split()[1:]).stdout


def test_a_machine_without_a_spot_offer_has_no_findings(home: Home, fleet: Fleet) -> None:
    fleet.misbehave("alpha", offers={"large": "0.30"})
    assert findings(home) == {}


def test_a_provider_that_has_no_offers_to_tell_hides_no_other_finding(home: Home, fleet: Fleet) -> None:
    fleet.add("alpha", row("v-1", kind="volume"))
    fleet.misbehave("alpha", fail={"offers": "AuthenticationError"})
    assert list(findings(home)) == ["unattached"]


def test_nobody_is_asked_offline(home: Home, fleet: Fleet) -> None:
    home.runctl("resources", "list")
    calls = fleet.calls("alpha")
    assert findings(home, "--offline") == {}
    assert fleet.calls("alpha") == calls


def test_what_a_live_run_is_short_of_is_found_on_its_own_machine(home: Home) -> None:
    home.env |= {"RUNCTL_PROVIDER": "local", "RUNCTL_WARN_DISK_FREE_BELOW_GB": "1000000"}
    home.write("s.py", "import time; time.sleep(600)")
    run = home.detached("s.py")
    wait_for(lambda: home.json("status", run)["usage"], seconds=60, why="no sample came")
    evidence, fix = findings(home)["usage"]
    assert "the disk is nearly full" in evidence
    assert fix == f"runctl checkpoint prune {run}"
