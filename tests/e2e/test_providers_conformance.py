"""`runctl providers show` tells what the author's kit recorded: for which version, and what does not hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import schemas
from distributions import PROVIDERS, distribution, hook
from homes import Home

CHECKS = [
    {"check": "test_a", "promise": "a", "profile": "required", "result": "passed", "reason": ""},
    {"check": "test_b", "promise": "b", "profile": "required", "result": "not_applicable", "reason": "none"},
    {"check": "test_c", "promise": "c", "profile": "chaos", "result": "xfailed", "reason": "ticket 123"},
]
RECORD = {
    "provider": "mine",
    "distribution": "theirs",
    "version": "2.5",
    "api": 1,
    "core": "0.1.0",
    "kit": 1,
    "profile": "chaos",
    "date": "2026-11-24",
    "conformant": True,
    "capabilities": [],
    "unsupported": {},
    "checks": CHECKS,
}


@pytest.fixture
def plugins(home: Home) -> Path:
    """A folder with the provider `mine`, of version 2.5."""
    folder = home.work / "plugins"
    distribution(folder, "theirs", hook("mine"), {PROVIDERS: {"mine": ""}})
    home.env["PYTHONPATH"] = str(folder)
    return folder


def recorded(home: Home, plugins: Path, text: str) -> dict[str, Any]:
    (plugins / "conformance.json").write_text(text)
    done = home.runctl("providers", "show", "mine", "--json")
    document = json.loads(done.stdout)
    schemas.check("providers show", document)
    found: dict[str, Any] = document["conformance"]
    return found


def shown(home: Home) -> str:
    return home.runctl("providers", "show", "mine").stdout.decode()


def test_a_record_is_shown_with_what_does_not_hold(home: Home, plugins: Path) -> None:
    found = recorded(home, plugins, json.dumps(RECORD))
    assert (found["state"], found["conformant"], found["current"]) == ("recorded", True, True)
    assert found["problems"] == [{"check": "test_c", "result": "xfailed", "reason": "ticket 123"}]
    text = shown(home)
    assert "conformant: 2 of 2 required checks hold, 0 of 1 chaos checks hold" in text
    assert "xfailed: ticket 123" in text


def test_a_record_of_another_version_is_told_as_one(home: Home, plugins: Path) -> None:
    found = recorded(home, plugins, json.dumps(RECORD | {"version": "2.4"}))
    assert found["current"] is False
    assert "it is of another version, 2.4" in shown(home), "a user would trust checks of other code"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"provider": "mine"}', "{", '{"provider": "mine", "checks": 3}']
)
def test_a_damaged_record_is_told_as_one(home: Home, plugins: Path, text: str) -> None:
    assert recorded(home, plugins, text)["state"] == "damaged"
    assert "damaged" in shown(home)


def test_no_record_is_told_as_none(home: Home, plugins: Path) -> None:
    assert "not recorded" in shown(home)


def test_a_record_of_another_provider_beside_it_is_not_taken(home: Home, plugins: Path) -> None:
    assert recorded(home, plugins, json.dumps(RECORD | {"provider": "other"}))["state"] == "not recorded"
