"""`runctl stop-all` and `panic`: real runs on this computer beside clouds with machines."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

import sample_provider
import schemas
from fleet import Fleet, row
from homes import Home, wait_for
from terminals import Terminal

SCRIPT = """
import pathlib, time
pathlib.Path("report.txt").write_text("0.97")
print("begun", flush=True)
time.sleep(600)
"""


@pytest.fixture
def home(home: Home) -> Home:
    """A home whose runs go on until somebody stops them."""
    home.write("s.py", SCRIPT)
    home.env["RUNCTL_PROVIDER"] = "local"
    return home


def live(home: Home, *words: str) -> str:
    """A run whose script has written its report."""
    run = home.detached("s.py", "--output", "report.txt", *words)
    wait_for(lambda: home.runctl("logs", run).stdout == b"begun\n", why="the script never began")
    return run


def document(home: Home, *words: str, status: int = 0) -> Any:
    done = home.runctl(*words, "--json")
    assert done.returncode == status, done.stderr.decode()
    printed = json.loads(done.stdout)
    schemas.check(words[0], printed)
    return printed


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(found["resource"] for found in rows)


def test_stop_all_stops_every_run_of_mine_and_its_results_come_home(home: Home) -> None:
    runs = {live(home), live(home)}
    stopped = document(home, "stop-all", "--yes")
    assert {run["run"] for run in stopped["ended_runs"]} == runs
    for run in runs:
        found = home.json("status", run)
        assert found["state"] == "cancelled"
        assert Path(found["outputs"][0]["path"]).read_text() == "0.97", "a result was lost"
    assert list((home.state / "local" / "slots").glob("local-*")) == []


def test_stop_all_leaves_runs_of_others_and_of_other_projects(home: Home) -> None:
    mine, other = live(home, "--project", "mnist"), live(home, "--project", "cifar")
    home.env["RUNCTL_OWNER"] = "bob"
    bobs = live(home, "--project", "mnist")
    home.env["RUNCTL_OWNER"] = "tester"
    stopped = document(home, "stop-all", "--project", "mnist", "--yes")
    assert [run["run"] for run in stopped["ended_runs"]] == [mine]
    assert {run["run"] for run in home.json("ps")} == {other, bobs}


@pytest.mark.parametrize("command", ["stop-all", "panic"])
def test_nothing_is_stopped_without_a_yes(home: Home, command: str) -> None:
    run = live(home)
    refused = home.runctl(command)
    assert refused.returncode == 104
    assert run.encode() in refused.stderr
    with Terminal(home, command) as terminal:
        terminal.until("[y/N]")
        terminal.press("n\n")
        assert terminal.status() == 104
    assert home.state_of(run) == "running"


def test_stop_all_says_what_it_cannot_stop_and_stops_the_others(home: Home) -> None:
    sample_provider.install(home)
    unreachable, run = live(home, "--provider", "mycloud"), live(home)
    home.env["RUNCTL_PLUGINS"] = "local"
    stopped = document(home, "stop-all", "--yes", status=117)
    assert [ended["run"] for ended in stopped["ended_runs"]] == [run]
    assert [failed["run"] for failed in stopped["failed_runs"]] == [unreachable]
    del home.env["RUNCTL_PLUGINS"]
    document(home, "stop-all", "--yes")
    assert home.json("ps") == []


def test_panic_stops_my_runs_and_lets_go_of_my_machines_everywhere(home: Home) -> None:
    fleet = Fleet(home, ["alpha", "beta"])
    fleet.add("alpha", row("a-1"), row("bobs", tags={"runctl:owner": "bob"}), row("nobodys", managed=False))
    fleet.add("beta", row("b-1"), row("demo", tags={"runctl:protected": "true"}), row("disk", kind="volume"))
    run = live(home)
    done = document(home, "panic", "--yes")
    assert [ended["run"] for ended in done["ended_runs"]] == [run]
    assert Path(home.json("status", run)["outputs"][0]["path"]).read_text() == "0.97"
    assert ids(done["let_go"]) == ["a-1", "b-1"]
    assert (fleet.alive("alpha"), fleet.alive("beta")) == (["bobs", "nobodys"], ["demo", "disk"])
    assert (ids(done["skipped"]), ids(done["storage"])) == (["demo"], ["disk"])


def test_the_question_of_panic_leaves_out_what_is_protected(home: Home) -> None:
    fleet = Fleet(home, ["alpha"])
    fleet.add("alpha", row("mine"), row("tagged", tags={"runctl:protected": "true"}), row("marked"))
    assert home.runctl("protect", "alpha/marked").returncode == 0
    asked = home.runctl("panic").stderr.decode()
    assert "alpha/mine" in asked
    assert "1 resource" in asked
    assert "tagged" not in asked, "the user is asked about what stays"
    assert "marked" not in asked, "the user is asked about what stays"


def test_panic_stops_and_never_deletes_what_may_hold_the_only_copy_of_a_result(home: Home) -> None:
    fleet = Fleet(home, ["alpha"])
    fleet.add("alpha", row("a-1", tags={"runctl:run": "calm-crab-11"}))
    for _ in range(2):
        document(home, "panic", "--yes")
    assert fleet.alive("alpha") == ["a-1"]
    acts = [call for call in fleet.calls("alpha") if call.split()[0] in ("stop", "terminate")]
    assert acts == ["stop a-1"], "a machine with results was deleted, or runs on"
    (act,) = home.json("audit")
    assert (act["act"], act["answer"], act["command"]) == ("stop", "stopped", "panic")
    home.runctl("ps")
    assert fleet.alive("alpha") == ["a-1"], "the next command ended what the panic had spared"


def test_panic_says_what_could_not_be_and_the_next_one_settles_it(home: Home) -> None:
    fleet = Fleet(home, ["alpha"])
    fleet.add("alpha", row("a-1"), row("a-2"))
    fleet.misbehave("alpha", refuse={"a-1": "InvalidRequest"})
    failed = home.runctl("panic", "--yes")
    assert failed.returncode == 117
    assert b"alpha/a-1: alpha does not end a-1" in failed.stderr
    assert b"runctl panic tries again" in failed.stderr
    assert fleet.alive("alpha") == ["a-1"]
    fleet.misbehave("alpha")
    document(home, "panic", "--yes")
    assert fleet.alive("alpha") == []


@pytest.mark.parametrize("call", ["list", "get", "terminate"])
def test_a_provider_that_hangs_holds_no_other_in_a_panic(home: Home, call: str) -> None:
    fleet = Fleet(home, ["alpha", "beta"])
    fleet.add("alpha", row("a-1"))
    fleet.add("beta", row("b-1"), row("b-2"))
    fleet.misbehave("alpha", hang=[call])
    home.env["RUNCTL_LIST_TIMEOUT_SECONDS"] = "600"
    run = live(home)
    panic = home.start("panic", "--yes")
    try:
        wait_for(lambda: not fleet.alive("beta"), seconds=60, why="beta waits for alpha")
        wait_for(lambda: home.state_of(run) == "cancelled", seconds=60, why="a run waits for alpha")
        asked = wait_for(lambda: [c for c in fleet.calls("alpha") if c.startswith(call)], why="it never hung")
        assert asked
        assert panic.poll() is None, "it gave up, so this test has seen nothing"
    finally:
        panic.send_signal(signal.SIGKILL)
        panic.communicate()


def test_a_provider_that_does_not_answer_in_a_panic_is_named(home: Home) -> None:
    fleet = Fleet(home, ["alpha", "beta"])
    fleet.add("beta", row("b-1"))
    fleet.misbehave("alpha", hang=["list"])
    home.env["RUNCTL_LIST_TIMEOUT_SECONDS"] = "1"
    done = document(home, "panic", "--yes", status=117)
    assert [silent["provider"] for silent in done["unanswered"]] == ["alpha"]
    assert ids(done["let_go"]) == ["b-1"]
