"""What is protected is not deleted: by configuration, by a mark, by plugins; and its run's end leaves it."""

from __future__ import annotations

import json

import pytest

from distributions import PLUGINS, distribution
from e2e.cleaning import cleanup, names
from fleet import Fleet, row
from homes import Home


@pytest.fixture
def fleet(home: Home) -> Fleet:
    """Two clouds that have nothing yet."""
    home.env["RUNCTL_LIST_TIMEOUT_SECONDS"] = "5"
    return Fleet(home, ["alpha", "beta"])


def test_what_is_configured_as_protected_stays_whatever_the_project_says(home: Home, fleet: Fleet) -> None:
    fleet.add("alpha", row("a-1"), row("a-2", tags={"team": "vision"}), row("a-3", name="demo"), row("a-4"))
    config = home.root / "config" / "config.toml"
    config.parent.mkdir()
    config.write_text('protected = ["alpha/a-1", "team=vision"]\n')
    home.write("runctl.toml", 'protected = ["demo"]\n')
    cleaned = cleanup(home, "--yes", "--force")
    assert (names(cleaned["deleted"]), fleet.alive("alpha")) == (["a-4"], ["a-1", "a-2", "a-3"])


VETOES = {
    "says no": "    return 'of the demo' if resource.id == 'a-1' else None",
    "raises": "    raise RuntimeError('no network')",
    "hangs": "    import time; time.sleep(600)",
    "exits": "    raise SystemExit(0)",
}


@pytest.mark.parametrize("how", VETOES)
def test_a_plugin_that_says_no_or_cannot_say_keeps_what_it_is_asked_of(
    home: Home, fleet: Fleet, how: str
) -> None:
    hook = "from runctl_core.api import hookimpl\n@hookimpl\ndef runctl_protect(resource):\n"
    distribution(home.root / "fleet-plugins", "company", hook + VETOES[how], {PLUGINS: {"company": ""}})
    fleet.add("alpha", row("a-1"), row("a-2"))
    cleaned = cleanup(home, "--yes", "--force")
    left = ["a-1"] if how == "says no" else ["a-1", "a-2"]
    assert names(cleaned["skipped"]) == fleet.alive("alpha") == left
    assert "the plugin company (company 2.5): " in cleaned["skipped"][0]["reasons"][0]["detail"]


def test_doctor_names_a_plugin_that_forbids_every_deletion(home: Home, fleet: Fleet) -> None:
    distribution(home.root / "fleet-plugins", "company", "import nothing_here", {PLUGINS: {"company": ""}})
    done = home.runctl("doctor", "--json")
    (check,) = [c for c in json.loads(done.stdout) if c["name"] == "plugin company"]
    assert (done.returncode, check["verdict"]) == (109, "failed")
    assert "company 2.5: it cannot be loaded" in check["detail"]


def test_a_machine_that_the_configuration_protects_outlives_its_run(home: Home) -> None:
    home.env["RUNCTL_PROTECTED"] = "runctl:project=demo"
    home.write("s.py", "print('trained')")
    done = home.runctl("train", "s.py", "--project", "demo")
    assert b"its price goes on: the setting `protected` has runctl:project=demo" in done.stderr
    (found,) = home.json("resources", "list")["resources"]
    home.runctl("ps")
    assert cleanup(home, "--yes", "--force")["skipped"][0]["resource"] == found["resource"]
    del home.env["RUNCTL_PROTECTED"]
    home.runctl("ps")
    assert home.json("resources", "list")["resources"] == []


def test_what_was_protected_by_its_name_is_given_free_by_its_name(home: Home, fleet: Fleet) -> None:
    fleet.add("alpha", row("a-1", name="demo"))
    home.runctl("resources", "list")
    assert home.runctl("protect", "demo").returncode == 0
    assert names(cleanup(home, "--yes", "--force")["skipped"]) == ["a-1"]
    undone = home.runctl("protect", "demo", "--undo")
    assert undone.returncode == 0, undone.stderr.decode()
    assert names(cleanup(home, "--yes")["deleted"]) == ["a-1"]
