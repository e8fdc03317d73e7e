"""Broken plugins: each is named with distribution and version, and everything else works."""

from __future__ import annotations

import json

import pytest

from homes import Home

GOOD = """
from runctl_core.api import ProviderInfo, hookimpl
@hookimpl
def runctl_provider():
    return ProviderInfo(name="{name}", title="T", factory=object, api={api})
"""

FAULTS = {
    "raises": ("raise RuntimeError('no driver here')", "no driver here"),
    "missing": ("import a_module_that_is_not_there", "a_module_that_is_not_there"),
    "exits": ("import sys; sys.exit(3)", "sys.exit(3)"),
    "syntax": ("def broken(:", "SyntaxError"),
    "future": (GOOD.replace("{api}", "99"), "plugin API 99"),
    "misspelt": (
        "from runctl_core.api import hookimpl\n@hookimpl\ndef runctl_provder(): pass",
        "runctl_provder",
    ),
    "silent": ("", "not a ProviderInfo"),
    "liar": (
        "from runctl_core.api import hookimpl\n@hookimpl\ndef runctl_provider(): return {'name': 'liar'}",
        "not a ProviderInfo",
    ),
    "other": (GOOD.replace("{name}", "someone-else").replace("{api}", "1"), "someone-else"),
}


def _install(home: Home, distribution: str, name: str, source: str) -> None:
    module = f"{distribution}_plugin".replace("-", "_")
    home.write(f"plugins/{module}.py", source)
    info = f"plugins/{distribution.replace('-', '_')}-2.5.dist-info"
    home.write(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.5\n")
    home.write(f"{info}/entry_points.txt", f"[runctl.providers]\n{name} = {module}\n")
    home.env["PYTHONPATH"] = str(home.work / "plugins")


def _assert_everything_else_works(home: Home) -> None:
    home.write("s.py", "print('works')")
    assert home.runctl("train", "s.py", "--provider", "local").stdout == b"works\n"
    assert home.runctl("ps").returncode == 0
    assert home.runctl("--help").returncode == 0
    offers = home.runctl("offers", "--json")
    assert [offer["provider"] for offer in json.loads(offers.stdout)] == ["local"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_plugin_is_named_and_stops_nothing(home: Home, fault: str) -> None:
    source, told = FAULTS[fault]
    _install(home, f"their-{fault}", fault, source.replace("{name}", fault))
    listed = {row["provider"]: row for row in home.json("providers", "list")}
    assert listed["local"]["state"] == "ok"
    assert listed[fault]["state"] == "broken"
    assert told in listed[fault]["error"]
    assert (listed[fault]["distribution"], listed[fault]["version"]) == (f"their-{fault}", "2.5")
    doctor = home.runctl("doctor", "--json")
    assert doctor.returncode == 109
    (check,) = [c for c in json.loads(doctor.stdout) if c["name"] == f"provider {fault}"]
    assert check["verdict"] == "failed"
    assert f"their-{fault} 2.5" in check["detail"]
    _assert_everything_else_works(home)


def test_two_plugins_of_one_name_are_both_named_and_neither_is_used(home: Home) -> None:
    for distribution in ("first-twin", "second-twin"):
        _install(home, distribution, "twin", GOOD.replace("{name}", "twin").replace("{api}", "1"))
    (row,) = [row for row in home.json("providers", "list") if row["provider"] == "twin"]
    assert row["state"] == "broken"
    assert "first-twin 2.5" in row["error"]
    assert "second-twin 2.5" in row["error"]
    home.write("s.py", "print(1)")
    assert home.runctl("train", "s.py", "--provider", "twin").returncode == 110
    _assert_everything_else_works(home)


def test_a_plugin_that_prints_leaves_json_clean(home: Home) -> None:
    source = "import os\nprint('hello from a plugin')\n" + GOOD
    _install(home, "their-chatty", "chatty", source.replace("{name}", "chatty").replace("{api}", "1"))
    done = home.runctl("providers", "list", "--json")
    assert {row["provider"] for row in json.loads(done.stdout)} == {"local", "chatty"}
    assert b"hello from a plugin" in done.stderr


def test_plugins_can_be_bisected(home: Home) -> None:
    _install(home, "their-raises", "raises", "raise RuntimeError")
    for setting, names in (("none", set()), ("local", {"local"}), ("local,raises", {"local", "raises"})):
        done = home.runctl("providers", "list", "--json", env={"RUNCTL_PLUGINS": setting})
        assert {row["provider"] for row in json.loads(done.stdout)} == names


def test_a_provider_is_only_imported_when_it_is_used(home: Home) -> None:
    marker = home.work / "imported"
    _install(home, "their-spy", "spy", f"open({str(marker)!r}, 'w').close()\n" + GOOD)
    home.write("s.py", "print(1)")
    for args in (["--help"], ["ps"], ["train", "s.py", "--provider", "local"], ["config", "path"]):
        assert home.runctl(*args).returncode == 0
    assert not marker.exists()


def test_a_command_group_that_clashes_or_breaks_is_named(home: Home) -> None:
    home.write("plugins/groups.py", "raise RuntimeError('broken group')")
    home.write("plugins/groups-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: groups\nVersion: 1.0\n")
    entries = "[runctl.commands]\ntrain = groups:app\nmygroup = groups:app\n"
    home.write("plugins/groups-1.0.dist-info/entry_points.txt", entries)
    home.env["PYTHONPATH"] = str(home.work / "plugins")
    broken = home.runctl("mygroup")
    assert broken.returncode == 110
    assert b"groups 1.0" in broken.stderr
    checks = {c["name"]: c for c in json.loads(home.runctl("doctor", "--json").stdout)}
    assert "runctl has this one itself" in checks["command train"]["detail"]
    assert "broken group" in checks["command mygroup"]["detail"]
    _assert_everything_else_works(home)
