"""The fleet that other tests clean up, report on and watch is what it says."""

from __future__ import annotations

from fleet import Fleet
from homes import Home


def test_a_fleet_is_installed_like_any_provider(home: Home) -> None:
    Fleet(home, ["alpha", "beta"])
    assert {row["provider"] for row in home.json("providers", "list")} >= {"alpha", "beta"}
