"""`runctl resources cleanup` and `runctl audit`: real commands over clouds with many resources."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta

import pytest

import schemas
from e2e.cleaning import cleanup, names
from fleet import Fleet, row
from homes import Home, wait_for
from terminals import Terminal


@pytest.fixture
def fleet(home: Home) -> Fleet:
    """Two clouds that have nothing yet."""
    home.env["RUNCTL_LIST_TIMEOUT_SECONDS"] = "5"
    return Fleet(home, ["alpha", "beta"])


def terminated(fleet: Fleet) -> list[str]:
    calls = [call.split() for cloud in fleet.names for call in fleet.calls(cloud)]
    return sorted(words[1] for words in calls if words[0] == "terminate")


def test_what_no_run_needs_is_deleted_at_every_provider(home: Home, fleet: Fleet) -> None:
    fleet.add("alpha", row("a-1"), row("a-2"))
    fleet.add("beta", row("b-1"))
    assert names(cleanup(home, "--yes")["deleted"]) == ["a-1", "a-2", "b-1"]
    assert fleet.alive("alpha") == fleet.alive("beta") == []


def test_a_dry_run_deletes_nothing_and_says_what_it_would_save(home: Home, fleet: Fleet) -> None:
    fleet.add("alpha", row("a-1", hourly_usd="2.50"), row("a-2", hourly_usd=None))
    plan = cleanup(home, "--dry-run", "--yes")
    assert (plan["dry_run"], names(plan["planned"]), plan["deleted"]) == (True, ["a-1", "a-2"], [])
    assert plan["saves"] == {
        "hourly_usd": "2.5",
        "monthly_usd": "1825",
        "hourly_estimated_usd": "0",
        "hourly_unknown_resources": 1,
    }
    assert terminated(fleet) == []


def test_where_nobody_can_be_asked_nothing_is_deleted_without_a_yes(home: Home, fleet: Fleet) -> None:
    fleet.add("alpha", row("a-1"))
    done = home.runctl("resources", "cleanup")
    assert done.returncode == 0
    assert b"a-1" in done.stdout
    assert b"--yes carries it out" in done.stderr
    assert terminated(fleet) == []


@pytest.mark.parametrize(("answer", "left"), [("y", []), ("n", ["a-1"]), ("", ["a-1"])])
def test_on_a_terminal_the_plan_is_shown_and_asked_for(
    home: Home, fleet: Fleet, answer: str, left: list[str]
) -> None:
    fleet.add("alpha", row("a-1", hourly_usd="2.50"), row("b-2", tags={"runctl:protected": "true"}))
    with Terminal(home, "resources", "cleanup") as terminal:
        terminal.until("delete 1 resource, which saves $2.50/h, $1,825.00 a month? [y/N]")
        assert "its tags protect it" in terminal.shown
        terminal.press(f"{answer}\n")
        assert terminal.status() == (0 if answer == "y" else 104)
    assert fleet.alive("alpha") == [*left, "b-2"]


def test_every_reason_against_a_deletion_is_told(home: Home, fleet: Fleet) -> None:
    young = datetime.now(UTC).isoformat()
    tags = {"runctl:protected": "true", "runctl:run": "calm-crab-11"}
    fleet.add("alpha", row("a-1", created_at=young, tags=tags, state="unknown"))
    (skipped,) = cleanup(home, "--yes")["skipped"]
    rules = [reason["rule"] for reason in skipped["reasons"]]
    assert rules == ["protected", "uncollected", "unknown_state", "young"]
    assert terminated(fleet) == []


def test_force_deletes_what_is_young_and_what_is_named_of_another_owner(home: Home, fleet: Fleet) -> None:
    fleet.add("alpha", row("a-1", created_at=datetime.now(UTC).isoformat()))
    fleet.add("alpha", row("bobs", tags={"runctl:owner": "bob"}), row("a-2", tags={"runctl:protected": "1"}))
    assert names(cleanup(home, "--yes")["skipped"]) == ["a-1", "a-2"]
    assert names(cleanup(home, "--yes", "--force")["deleted"]) == ["a-1"]
    assert names(cleanup(home, "alpha/bobs", "--yes")["skipped"]) == ["bobs"]
    assert names(cleanup(home, "alpha/bobs", "a-2", "--yes", "--force")["deleted"]) == ["bobs"]
    assert fleet.alive("alpha") == ["a-2"]


def test_another_owners_are_not_even_meant_unless_they_are_named(home: Home, fleet: Fleet) -> None:
    fleet.add("alpha", row("bobs", tags={"runctl:owner": "bob"}))
    plan = cleanup(home, "--yes", "--force")
    assert (plan["planned"], plan["skipped"]) == ([], []), "a cleanup of mine ends a colleague's machine"
    assert names(cleanup(home, "--owner", "bob", "--dry-run", "--force")["planned"]) == ["bobs"]
    assert terminated(fleet) == []


def test_filters_narrow_what_is_meant(home: Home, fleet: Fleet) -> None:
    old = (datetime.now(UTC) - timedelta(days=9)).isoformat()
    fleet.add("alpha", row("a-1", tags={"runctl:project": "mnist"}), row("a-2", tags={"team": "vision"}))
    fleet.add("beta", row("b-1", created_at=old))
    meant = {
        ("--provider", "beta"): ["b-1"],
        ("--project", "mnist"): ["a-1"],
        ("--tag", "team=vision"): ["a-2"],
        ("--tag", "team=other"): [],
        ("--older-than", "7d"): ["b-1"],
        ("--orphans",): ["a-1", "a-2", "b-1"],
    }
    for words, expected in meant.items():
        assert names(cleanup(home, *words, "--dry-run")["planned"]) == expected, words


def test_a_provider_that_hangs_is_named_and_the_others_are_cleaned(home: Home, fleet: Fleet) -> None:
    home.env["RUNCTL_LIST_TIMEOUT_SECONDS"] = "1"
    for cloud in fleet.names:
        fleet.add(cloud, row(f"{cloud}-1"))
    home.runctl("resources", "cleanup", "--dry-run")  # the books know both
    fleet.misbehave("beta", hang=["list"])
    cleaned = cleanup(home, "--yes")
    assert names(cleaned["deleted"]) == ["alpha-1"]
    assert [row["provider"] for row in cleaned["unanswered"]] == ["beta"]
    assert fleet.alive("beta") == ["beta-1"], "it was ended on what the books had of yesterday"


def test_a_provider_that_hangs_in_a_deletion_holds_no_other(home: Home, fleet: Fleet) -> None:
    for cloud in fleet.names:
        fleet.add(cloud, row(f"{cloud}-1"))
    fleet.misbehave("alpha", hang=["terminate"])
    running = home.start("resources", "cleanup", "--yes")
    try:
        wait_for(lambda: not fleet.alive("beta"), seconds=60, why="beta waits for alpha")
        wait_for(lambda: "terminate alpha-1" in fleet.calls("alpha"), seconds=60)
        assert running.poll() is None, "it gave up, so this test has seen nothing"
        (act,) = [act for act in home.json("audit") if act["resource"] == "alpha-1"]
        assert act["answer"] is None, "an answer was written that nobody gave"
        assert b"no answer known" in home.runctl("audit", "--resource", "alpha-1").stdout
    finally:
        running.kill()
        running.communicate()


def test_a_refused_deletion_fails_the_command_and_is_tried_again_by_the_next(
    home: Home, fleet: Fleet
) -> None:
    fleet.add("alpha", row("a-1"), row("a-2"))
    fleet.misbehave("alpha", refuse={"a-1": "InvalidRequest"})
    cleaned = cleanup(home, "--yes", status=117)
    assert (names(cleaned["deleted"]), names(cleaned["failed"])) == (["a-2"], ["a-1"])
    fleet.misbehave("alpha")
    assert names(cleanup(home, "--yes")["deleted"]) == ["a-1"]


def test_a_deletion_that_takes_long_is_over_when_the_provider_agrees(home: Home, fleet: Fleet) -> None:
    fleet.add("alpha", row("a-1"))
    fleet.misbehave("alpha", ending_s=1.0)
    assert names(cleanup(home, "--yes")["deleted"]) == ["a-1"]
    assert fleet.gone("alpha") == ["a-1"], "it was told to be gone while it was still there"


def test_a_provider_that_takes_too_long_has_failed(home: Home, fleet: Fleet) -> None:
    home.env["RUNCTL_RELEASE_TIMEOUT_SECONDS"] = "0.5"
    fleet.add("alpha", row("a-1"))
    fleet.misbehave("alpha", ending_s=600)
    assert names(cleanup(home, "--yes", status=117)["failed"]) == ["a-1"]
    (act,) = home.json("audit")
    assert act["answer"] == "accepted"


def test_the_audit_log_tells_who_ended_what_and_why(home: Home, fleet: Fleet) -> None:
    fleet.add("alpha", row("a-1"), row("a-2", created_at=None))
    fleet.misbehave("alpha", refuse={"a-2": "InvalidRequest"})
    home.runctl("resources", "cleanup", "--yes", "--force")
    schemas.check("audit", home.json("audit"))
    acts = {act["resource"]: act for act in home.json("audit")}
    assert acts["a-1"]["answer"] == "gone"
    assert (acts["a-1"]["owner"], acts["a-1"]["command"]) == ("tester", "resources cleanup")
    assert "@" in acts["a-1"]["user"]
    assert acts["a-1"]["allowed_because"] == ["no run needs it"]
    assert (acts["a-2"]["answer"], acts["a-2"]["detail"]) == ("error", "alpha does not end a-2")
    assert names(home.json("audit", "--resource", "alpha/a-1")) == ["a-1"]
    assert names(home.json("audit", "--since", "1h")) == ["a-1", "a-2"]
    assert home.runctl("audit").stdout.count(b"\n") == 2


def test_a_run_that_is_over_and_kept_its_machine_is_cleaned_up(home: Home) -> None:
    home.env["RUNCTL_ON_FINISH"] = "keep"
    home.write("s.py", "print('trained')")
    home.runctl("train", "s.py")
    (planned,) = cleanup(home, "--dry-run", "--force")["planned"]
    assert planned["run"] == home.json("runs")[0]["run"]
    assert names(cleanup(home, "--yes", "--force")["deleted"]) == [planned["resource"]]
    assert list((home.state / "local" / "slots").glob("local-*")) == []


def test_a_live_run_keeps_its_machine(home: Home) -> None:
    home.write("s.py", "import time\ntime.sleep(600)")
    run = home.detached("s.py")
    cleaned = cleanup(home, "--yes", "--force")
    assert [reason["rule"] for reason in cleaned["skipped"][0]["reasons"]] == ["live_run"]
    assert home.state_of(run) in ("setting_up", "running")


def test_the_end_of_a_run_is_in_the_audit_log_and_no_argument_of_its_command(home: Home) -> None:
    home.write("s.py", "print('trained')")
    home.runctl("train", "s.py", "--env", "TOKEN=sesame", "--", "open-sesame")
    (act,) = home.json("audit")
    assert (act["command"], act["answer"], act["run"]) == ("train", "gone", home.json("runs")[0]["run"])
    assert "sesame" not in json.dumps(act)
    assert b"sesame" not in home.runctl("audit").stdout


def test_resources_are_named_or_filtered_and_never_both(home: Home, fleet: Fleet) -> None:
    assert home.runctl("resources", "cleanup", "a-1", "--project", "mnist").returncode == 101
    assert home.runctl("resources", "cleanup", "no-such-thing").returncode == 103
    assert home.runctl("resources", "cleanup", "--older-than", "soon").returncode == 101


def test_a_cleanup_brings_home_what_a_run_left_that_ended_unseen(home: Home) -> None:
    home.env["RUNCTL_PROVIDER"] = "local"
    home.write("s.py", "open('report.txt', 'w').write('0.97')")
    run = home.detached("s.py", "--output", "report.txt")
    wait_for(lambda: home.job(run)["phase"] == "finished", why="the script never ended")
    cleanup(home, "--yes")
    assert list((home.state / "runs" / run / "outputs").rglob("report.txt"))
    assert home.json("resources", "list")["resources"] == []


@pytest.mark.parametrize("command", [("resources", "cleanup", "--yes"), ("panic", "--yes")])
def test_ctrl_c_says_where_what_was_begun_is(home: Home, fleet: Fleet, command: tuple[str, ...]) -> None:
    fleet.add("alpha", row("a-1"))
    fleet.misbehave("alpha", ending_s=600)
    with home.start(*command) as going:
        wait_for(lambda: terminated(fleet))
        going.send_signal(signal.SIGINT)
        _, told = going.communicate(timeout=20)
    assert going.returncode == 130
    assert b"runctl audit" in told, "the user does not know that a deletion goes on"
