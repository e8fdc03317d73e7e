"""The examples of the hooks, and the sample provider, do what the reference says of them."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

import sample_provider
from distributions import PLUGINS, distribution
from fleet import Fleet, row
from homes import Home

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "hooks.md"


def example(hook: str) -> str:
    """The example below a hook's heading."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {hook}\n")[1].split("\n## ")[0]
    (found,) = re.findall(r"^Example:\n\n((?:    .*\n|\n)*)", section, re.MULTILINE)
    return textwrap.dedent(found)


def test_the_example_of_runctl_provider_is_a_provider_that_trains(home: Home) -> None:
    sample_provider.install(home, plugin=example("runctl_provider"))
    home.write("s.py", "print('trained')")
    done = home.runctl("train", "s.py", "--provider", "mycloud", "--json")
    assert done.returncode == 0, done.stderr.decode()
    assert home.runctl("logs", "latest").stdout == b"trained\n"
    listed = {row["provider"]: row["state"] for row in home.json("providers", "list")}
    assert listed == {"local": "ok", "mycloud": "ok"}


def test_the_example_of_runctl_checks_is_shown_by_doctor(home: Home) -> None:
    sample_provider.install(home, plugin=example("runctl_checks"))
    (missing,) = [c for c in home.json("doctor", "mycloud") if c["name"] == "mycloud: key"]
    assert missing["verdict"] == "warning"
    home.write("key.txt", "a-key")
    home.shell(missing["fix"])
    (there,) = [c for c in home.json("doctor", "mycloud") if c["name"] == "mycloud: key"]
    assert there["verdict"] == "ok", "the command that doctor named did not mend it"


def test_the_example_of_runctl_protect_keeps_what_it_speaks_of(home: Home) -> None:
    fleet = Fleet(home, ["alpha"])
    fleet.add("alpha", row("a-1", tags={"team": "research"}), row("a-2"))
    distribution(
        home.root / "fleet-plugins", "company", example("runctl_protect"), {PLUGINS: {"company": ""}}
    )
    (skipped,) = json.loads(home.runctl("resources", "cleanup", "--yes", "--json").stdout)["skipped"]
    assert "until the paper is out" in skipped["reasons"][0]["detail"]
    assert fleet.alive("alpha") == ["a-1"]


def test_a_plugin_brings_a_command_of_its_own(home: Home) -> None:
    sample_provider.install(home)
    home.write("s.py", "raise SystemExit(7)")
    assert home.runctl("mycloud", "s.py").returncode == 7
    assert home.json("runs")[0]["provider"] == "mycloud"


def test_the_sample_provider_leaves_no_machine_behind(home: Home) -> None:
    sample_provider.install(home)
    home.write("s.py", "print('trained')")
    assert home.runctl("train", "s.py", "--provider", "mycloud").stdout == b"trained\n"
    assert list((home.state / "mycloud").glob("*.json")) == []


def test_the_sample_provider_tells_prices_that_are_known_and_those_that_are_not(home: Home) -> None:
    sample_provider.install(home)
    (unknown,) = home.json("offers", "--provider", "mycloud")
    assert unknown["hourly_usd"] is None
    home.env["RUNCTL_MYCLOUD_HOURLY_USD"] = "2.50"
    (known,) = home.json("offers", "--provider", "mycloud")
    assert known["hourly_usd"] == "2.5"


def test_the_key_of_the_sample_provider_is_never_shown(home: Home) -> None:
    sample_provider.install(home)
    home.env["RUNCTL_MYCLOUD_API_KEY"] = "a-key-that-nobody-sees"
    for command in (("config", "show"), ("providers", "show", "mycloud"), ("doctor",)):
        done = home.runctl(*command, "--json")
        assert b"a-key-that-nobody-sees" not in done.stdout + done.stderr
