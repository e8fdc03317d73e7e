"""`runctl resources list`, `summary` and `insights` over several providers, as whole commands."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import schemas
from fleet import Fleet, row
from homes import RUNCTL, Home
from terminals import Terminal

WEEK_AGO = (datetime.now(UTC) - timedelta(days=8)).isoformat()


@pytest.fixture
def fleet(home: Home) -> Fleet:
    """Two providers: machines, a volume, one that runctl did not make."""
    made = Fleet(home, ["alpha", "beta"])
    made.add("alpha", row("i-1"), row("i-unknown", hourly_usd=None), row("i-theirs", managed=False))
    made.add(
        "alpha",
        row("v-1", kind="volume", hourly_usd="0.10"),
        row("i-old", created_at=WEEK_AGO, hourly_usd="0.5"),
    )
    made.add("beta", row("b-1", hourly_usd="12.50", tags={"team": "vision"}))
    made.add("beta", row("b-2", state="stopped", storage_usd="0.02", tags={"runctl:owner": "you"}))
    return made


def listed(home: Home, *options: str) -> list[str]:
    done = home.runctl("resources", "list", *options)
    assert done.returncode == 0, done.stderr.decode()
    return [line.split("\t")[0] for line in done.stdout.decode().splitlines()]


def silence(home: Home, fleet: Fleet, provider: str) -> None:
    """Let a provider hang from now on, and have little patience with it."""
    fleet.misbehave(provider, hang=["list"])
    home.env["RUNCTL_LIST_TIMEOUT_SECONDS"] = "4"


def test_everything_of_every_provider_is_listed_the_dearest_first(home: Home, fleet: Fleet) -> None:
    found = [key for key in listed(home) if not key.startswith("local/")]
    assert found == ["alpha/i-unknown", "beta/b-1", "alpha/i-1", "alpha/i-old", "alpha/v-1", "beta/b-2"]


def test_who_is_waited_for_is_named_meanwhile(home: Home, fleet: Fleet) -> None:
    silence(home, fleet, "beta")
    with Terminal(home, "resources", "list", "--provider", "alpha", "--provider", "beta") as terminal:
        terminal.until("waiting for alpha, beta …")
        terminal.until("waiting for beta …")
        assert terminal.status() == 0
    assert "waiting for alpha …" not in terminal.shown
    assert "beta does not answer" in terminal.shown


def test_the_sum_and_what_is_hidden_are_told_beside_the_list(home: Home, fleet: Fleet) -> None:
    told = home.runctl("resources", "list", "--provider", "alpha").stderr.decode()
    assert told == (
        "4 resources, $1.60/h +1 unknown\n1 resource that runctl did not start: --all shows them\n"
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--provider", "beta"), ["beta/b-1", "beta/b-2"]),
        (("--provider", "beta", "--state", "stopped"), ["beta/b-2"]),
        (("--kind", "volume"), ["alpha/v-1"]),
        (("--owner", "you"), ["beta/b-2"]),
        (("--tag", "team=vision"), ["beta/b-1"]),
        (("--older-than", "7d"), ["alpha/i-old"]),
        (("--project", "nobodys"), []),
        (("--all", "--tag", "team=vision"), ["beta/b-1"]),
    ],
    ids=" ".join,
)
def test_a_filter_leaves_what_fits(home: Home, fleet: Fleet, options: tuple[str, ...], expected: Any) -> None:
    assert sorted(listed(home, *options)) == expected


@pytest.mark.parametrize(
    ("option", "value"), [("--state", "asleep"), ("--tag", "vision"), ("--older-than", "old")]
)
def test_a_filter_that_means_nothing_is_refused(home: Home, option: str, value: str) -> None:
    done = home.runctl("resources", "list", option, value)
    assert (done.returncode, done.stdout) == (101, b"")


def test_a_provider_that_is_not_installed_is_refused(home: Home, fleet: Fleet) -> None:
    done = home.runctl("resources", "list", "--provider", "alpa")
    assert done.returncode == 110
    assert "alpha" in done.stderr.decode()


def test_a_provider_that_hangs_is_named_with_its_last_known_resources(home: Home, fleet: Fleet) -> None:
    listed(home)
    silence(home, fleet, "beta")
    done = home.runctl("resources", "list")
    assert b"beta/b-1" in done.stdout, "a machine was hidden because its provider hangs"
    assert "beta does not answer, shown as of" in done.stderr.decode()
    assert done.returncode == 0


def test_a_provider_that_never_answered_is_named(home: Home, fleet: Fleet) -> None:
    silence(home, fleet, "beta")
    done = home.runctl("resources", "list")
    assert b"alpha/i-1" in done.stdout
    assert "beta does not answer, nothing of it is known" in done.stderr.decode()


def test_whoever_needs_every_answer_can_ask_for_a_status(home: Home, fleet: Fleet) -> None:
    fleet.misbehave("beta", fail={"list": "AuthenticationError"})
    done = home.runctl("resources", "list", "--strict")
    assert done.returncode == 105
    assert b"alpha/i-1" in done.stdout, "one provider's error took the list of all away"


def test_offline_nobody_is_asked(home: Home, fleet: Fleet) -> None:
    before = listed(home)
    calls = fleet.calls("alpha"), fleet.calls("beta")
    assert listed(home, "--offline") == before
    assert (fleet.calls("alpha"), fleet.calls("beta")) == calls


def test_what_its_provider_does_not_list_any_more_is_gone(home: Home, fleet: Fleet) -> None:
    assert "beta/b-1" in listed(home)
    fleet.remove("beta", "b-1")
    assert "beta/b-1" not in listed(home)


def test_the_machines_of_a_provider_that_is_not_installed_any_more_stay_visible(
    home: Home, fleet: Fleet
) -> None:
    listed(home)
    home.env["RUNCTL_PLUGINS"] = "alpha"
    done = home.runctl("resources", "list")
    assert b"beta/b-1" in done.stdout, "uninstalling a plugin hid a machine that still bills"
    assert "beta does not answer" in done.stderr.decode()


def test_what_could_not_be_ended_is_marked(home: Home, fleet: Fleet) -> None:
    fleet.misbehave("beta", refuse={"b-1": "AuthenticationError"})
    created = {"created_at": WEEK_AGO, "hourly_usd": "12.50"}
    fleet.add("beta", row("b-1", **created))
    home.runctl("resources", "cleanup", "beta/b-1", "--yes")
    (line,) = [text for text in shown(home) if text.startswith("beta/b-1\t")]
    assert "! not ended: beta does not end b-1" in line


def shown(home: Home) -> list[str]:
    return home.runctl("resources", "list").stdout.decode().splitlines()


@pytest.mark.parametrize(
    "words", [("resources", "list"), ("resources", "summary"), ("resources", "insights")], ids=" ".join
)
def test_the_document_is_the_one_that_the_reference_describes(
    home: Home, fleet: Fleet, words: tuple[str, ...]
) -> None:
    home.runctl("protect", "i-1")
    silence(home, fleet, "beta")
    done = home.runctl(*words, "--all", "--json")
    document = json.loads(done.stdout)
    schemas.check(" ".join(words), document)
    assert [problem["provider"] for problem in document["unanswered"]] == ["beta"]


def test_a_summary_has_a_row_for_each_group_and_one_for_all(home: Home, fleet: Fleet) -> None:
    rows = [line.split("\t") for line in home.runctl("resources", "summary").stdout.decode().splitlines()]
    counts = {(cells[1], cells[0]): (cells[2], cells[3], cells[6]) for cells in rows}
    assert counts[("provider", "beta")] == ("2", "$12.52/h", "")
    assert counts[("owner", "tester")] == ("5", "$14.10/h", "1")
    assert counts[("state", "stopped")] == ("1", "$0.02/h", "")
    assert counts[("", "all")] == ("6", "$14.12/h", "1"), "nobody is told what the money leaves out"


def test_a_summarys_money_is_the_ledgers(home: Home, fleet: Fleet) -> None:
    home.runctl("adopt", "alpha/i-1")
    document = home.json("resources", "summary", "--offline")
    spent = {row["key"]: row["today"]["cost_usd"] for row in document["by_provider"]}
    assert float(spent["alpha"]) >= 2, "two hours of an adopted machine at one dollar were not counted"


def test_insights_name_a_command_that_exists_for_each_finding(home: Home, fleet: Fleet) -> None:
    lines = home.runctl("resources", "insights", "--all").stdout.decode().splitlines()
    findings = {cells[0] + " " + cells[1]: cells[4] for cells in (line.split("\t") for line in lines)}
    assert findings["alpha/i-1 idle"] == "runctl resources cleanup alpha/i-1"
    assert findings["alpha/v-1 unattached"] == "runctl resources cleanup alpha/v-1"
    assert findings["alpha/i-theirs untagged"] == "runctl adopt alpha/i-theirs"
    assert findings["beta/b-2 stopped"] == "runctl adopt beta/b-2", "it is another owner's"
    for command in set(findings.values()):
        done = home.runctl(*command.split()[1:])
        assert done.returncode == 0, f"{command}: {done.stderr.decode()}"


def test_five_thousand_resources_with_a_provider_that_hangs_take_little_memory(home: Home) -> None:
    names = ["alpha", "beta", "gamma", "delta", "epsilon"]
    fleet = Fleet(home, names)
    for name in names:
        fleet.add(name, *(row(f"i-{number}", tags={"purpose": "many"}) for number in range(1000)))
    silence(home, fleet, "epsilon")
    home.env["RUNCTL_LIST_TIMEOUT_SECONDS"] = "15"
    with (home.root / "out").open("wb") as out, (home.root / "notes").open("wb") as notes:
        process = subprocess.Popen(
            [RUNCTL, "resources", "list"], env=home.env, cwd=home.work, stdout=out, stderr=notes
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    told = (home.root / "notes").read_text()
    assert process.returncode == 0, told
    assert (home.root / "out").read_text().count("\n") == 4000, told
    assert "epsilon does not answer" in told
    assert used.ru_maxrss < 150_000, f"{used.ru_maxrss / 1000:.0f} MB"
