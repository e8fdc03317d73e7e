"""Broken plugins: each is named with distribution and version, and everything else works."""

from __future__ import annotations

import json
from typing import Any

import pytest

from distributions import COMMANDS, PROVIDERS, distribution, hook, provider
from homes import Home

HOOKIMPL = "from runctl_core.api import hookimpl\n@hookimpl\n"

BROKEN = {
    "raises": ("raise RuntimeError('no driver here')", "no driver here"),
    "missing": ("import a_module_that_is_not_there", "a_module_that_is_not_there"),
    "exits": ("import sys; sys.exit(3)", "sys.exit(3)"),
    "syntax": ("def broken(:", "SyntaxError"),
    "future": (hook("future", "factory=object, api=99"), "plugin API 99"),
    "misspelt": (f"{HOOKIMPL}def runctl_provder(): pass", "runctl_provder"),
    "strange-arguments": (f"{HOOKIMPL}def runctl_provider(cloud): pass", "cloud"),
    "silent": ("", "not a ProviderInfo"),
    "liar": (f"{HOOKIMPL}def runctl_provider(): return {{'name': 'liar'}}", "not a ProviderInfo"),
    "exits-late": (f"{HOOKIMPL}def runctl_provider(): raise SystemExit", "sys.exit(None)"),
    "other": (hook("someone-else"), "someone-else"),
    "no-factory": (hook("no-factory", "factory='Cloud'"), "factory"),
    "no-title": (hook("no-title", "factory=object, homepage=7"), "homepage"),
    "no-reasons": (hook("no-reasons", "factory=object, unsupported={'spot': None}"), "NoneType"),
    "no-settings-class": (
        hook("no-settings-class", "factory=object, settings=int"),
        "settings cannot be read",
    ),
    "no-default": (
        "from attrs import define\n@define\nclass S:\n    key: str\n"
        + hook("no-default", "factory=object, settings=S"),
        "key has no default",
    ),
    "any": (hook("any"), "runctl has any itself"),
}
"""Name: source of the plugin, and what is told of it."""


def _install(home: Home, name: str, source: str, **distribution_name: str) -> None:
    folder = home.work / "plugins"
    distribution(folder, distribution_name.get("by", f"their-{name}"), source, {PROVIDERS: {name: ""}})
    home.env["PYTHONPATH"] = str(folder)


def _checks(home: Home) -> dict[str, Any]:
    done = home.runctl("doctor", "--json", timeout=120)
    assert done.returncode == 109, "doctor is content with a broken plugin"
    return {check["name"]: check for check in json.loads(done.stdout)}


def _assert_everything_else_works(home: Home) -> None:
    home.write("s.py", "print('works')")
    assert home.runctl("train", "s.py", "--provider", "local").stdout == b"works\n"
    assert home.runctl("ps").returncode == 0
    assert home.runctl("--help").returncode == 0
    assert home.runctl("config", "show").returncode == 0
    offers = home.runctl("offers", "--json")
    assert [offer["provider"] for offer in json.loads(offers.stdout)] == ["local"]


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_named_and_stops_nothing(home: Home, name: str) -> None:
    source, told = BROKEN[name]
    _install(home, name, source)
    listed = {row["provider"]: row for row in home.json("providers", "list")}
    assert listed["local"]["state"] == "ok"
    assert listed[name]["state"] == "broken"
    assert told in listed[name]["error"]
    assert (listed[name]["distribution"], listed[name]["version"]) == (f"their-{name}", "2.5")
    check = _checks(home)[f"provider {name}"]
    assert check["verdict"] == "failed"
    assert f"their-{name} 2.5" in check["detail"]
    _assert_everything_else_works(home)


def test_all_of_them_at_once_stop_nothing(home: Home) -> None:
    for name, (source, _) in BROKEN.items():
        _install(home, name, source)
    broken = {row["provider"] for row in home.json("providers", "list") if row["state"] == "broken"}
    assert broken == set(BROKEN)
    assert {name for name in _checks(home) if name.startswith("provider ")} >= {
        f"provider {b}" for b in BROKEN
    }
    _assert_everything_else_works(home)


def test_two_plugins_of_one_name_are_both_named_and_neither_is_used(home: Home) -> None:
    for name in ("first-twin", "second-twin"):
        _install(home, "twin", hook("twin"), by=name)
    (row,) = [row for row in home.json("providers", "list") if row["provider"] == "twin"]
    assert row["state"] == "broken"
    for told in (row["error"], _checks(home)["provider twin"]["detail"]):
        assert "first-twin 2.5" in told
        assert "second-twin 2.5" in told
    home.write("s.py", "print(1)")
    refused = home.runctl("train", "s.py", "--provider", "twin")
    assert refused.returncode == 110
    assert b"first-twin 2.5 and second-twin 2.5" in refused.stderr
    _assert_everything_else_works(home)


PRINTS = {
    "print": "print('hello')",
    "descriptor": "import os; os.write(1, b'hello')",
    "program": "import subprocess; subprocess.run(['echo', 'hello'])",
    "at the end": "import atexit; atexit.register(print, 'hello')",
}


@pytest.mark.parametrize("how", PRINTS)
def test_a_plugin_that_prints_leaves_json_clean(home: Home, how: str) -> None:
    _install(home, "chatty", f"{PRINTS[how]}\n" + hook("chatty"))
    done = home.runctl("providers", "list", "--json")
    assert {row["provider"] for row in json.loads(done.stdout)} == {"local", "chatty"}
    assert b"hello" in done.stderr
    assert json.loads(home.runctl("config", "show", "--json").stdout)
    assert json.loads(home.runctl("doctor", "--json").stdout)


def test_a_plugin_that_prints_is_warned_of_by_name(home: Home) -> None:
    _install(home, "chatty", "print('hello')\n" + hook("chatty"))
    (row,) = [row for row in home.json("providers", "list") if row["provider"] == "chatty"]
    assert (row["state"], row["warning"]) == ("ok", "it prints when it is loaded")
    assert b"it prints when it is loaded" in home.runctl("providers", "list").stdout
    assert b"it prints when it is loaded" in home.runctl("providers", "show", "chatty").stdout
    done = home.runctl("doctor", "--json")
    (check,) = [c for c in json.loads(done.stdout) if c["name"] == "provider chatty"]
    assert (done.returncode, check["verdict"]) == (0, "warning")
    assert "their-chatty 2.5" in check["detail"]


def test_a_plugin_that_hangs_is_named_and_holds_nobody(home: Home) -> None:
    _install(home, "hangs", "import time\nwhile True: time.sleep(3600)")
    check = _checks(home)["provider hangs"]
    assert check["verdict"] == "failed"
    assert "their-hangs 2.5: it did not load within" in check["detail"]
    home.write("s.py", "print('works')")
    assert home.runctl("train", "s.py", "--provider", "local").stdout == b"works\n"
    offers = home.runctl("offers", "--timeout", "1", "--json")
    assert [offer["provider"] for offer in json.loads(offers.stdout)] == ["local"]
    assert b"hangs is left out" in offers.stderr


OFFERS = {
    "garbage": provider("garbage", "return ['a cheap one', 3]"),
    "no-list": provider("no-list", "return None"),
    "half-way": provider("half-way", "yield from ()\n        raise KeyError('region')"),
    "exit": provider("exit", "raise SystemExit(7)"),
    "price": provider("price", "return [Offer('price', 'x1', 3.50)]"),
    "factory": hook("factory", "factory=lambda settings: 'a provider'"),
    "factory-raises": hook("factory-raises", "factory=lambda settings: 1 / 0"),
    "factory-exits": "import sys\n" + hook("factory-exits", "factory=lambda settings: sys.exit(9)"),
    "settings": (
        "from attrs import define\nfrom runctl_core.api import setting\n@define\nclass S:\n"
        "    key: str = setting('sesame', help='K.', secret=True)\n"
        "    def __attrs_post_init__(self): raise ValueError(f'{self.key} is no key')\n"
    )
    + hook("settings", "factory=object, settings=S"),
}


@pytest.mark.parametrize("name", OFFERS)
def test_a_provider_that_breaks_when_it_is_asked_is_named_and_left_out(home: Home, name: str) -> None:
    _install(home, name, OFFERS[name])
    asked = home.runctl("offers", "--json")
    assert [offer["provider"] for offer in json.loads(asked.stdout)] == ["local"]
    assert f"{name} is left out: ".encode() in asked.stderr
    home.write("s.py", "print('works')")
    assert home.runctl("train", "s.py", "--provider", "any").stdout == b"works\n"
    refused = home.runctl("train", "s.py", "--provider", name)
    assert refused.returncode in (102, 107, 110), refused.stderr.decode()
    assert refused.stderr.count(b"error: ") == 1
    assert b"Traceback" not in refused.stderr
    assert b"sesame" not in asked.stderr + refused.stderr
    assert len(home.json("runs")) == 1, "a run was made for a provider that cannot be asked"
    assert home.runctl("doctor", "--json").returncode in (0, 109)
    _assert_everything_else_works(home)


def test_plugins_can_be_bisected(home: Home) -> None:
    _install(home, "raises", "raise RuntimeError")
    for setting, names in (("none", set()), ("local", {"local"}), ("local,raises", {"local", "raises"})):
        done = home.runctl("providers", "list", "--json", env={"RUNCTL_PLUGINS": setting})
        assert {row["provider"] for row in json.loads(done.stdout)} == names


def test_a_provider_is_only_imported_when_it_is_used(home: Home) -> None:
    marker = home.work / "imported"
    _install(home, "spy", f"open({str(marker)!r}, 'w').close()\n" + hook("spy"))
    home.write("s.py", "print(1)")
    for args in (["--help"], ["ps"], ["train", "s.py", "--provider", "local"], ["config", "path"]):
        assert home.runctl(*args).returncode == 0
    assert not marker.exists()


GROUPS = {
    "raises": "raise RuntimeError('no driver here')",
    "exits": "raise SystemExit(0)",
    "garbage": "app = 'an app'",
    "missing": "",
}


@pytest.mark.parametrize("fault", GROUPS)
def test_a_command_group_that_cannot_be_loaded_is_named(home: Home, fault: str) -> None:
    distribution(home.work / "plugins", "theirs", GROUPS[fault], {COMMANDS: {"their-group": "app"}})
    home.env["PYTHONPATH"] = str(home.work / "plugins")
    refused = home.runctl("their-group")
    assert refused.returncode == 110
    assert b"theirs 2.5" in refused.stderr
    assert b"Traceback" not in refused.stderr
    check = _checks(home)["command their-group"]
    assert check["verdict"] == "failed"
    assert "theirs 2.5" in check["detail"]
    _assert_everything_else_works(home)


def test_a_command_group_that_fails_is_blamed_by_name(home: Home) -> None:
    source = "def app(words):\n    print('begun')\n    return {}[words[0]]\n"
    distribution(home.work / "plugins", "theirs", source, {COMMANDS: {"their-group": "app"}})
    home.env["PYTHONPATH"] = str(home.work / "plugins")
    done = home.runctl("their-group", "list")
    assert (done.returncode, done.stdout) == (110, b"begun\n")
    assert b"theirs 2.5: KeyError" in done.stderr
    assert b"runctl itself is at fault" not in done.stderr


def test_a_command_group_may_print_and_exit_as_it_likes(home: Home) -> None:
    source = (
        "import sys, typer\napp = typer.Typer()\n@app.command()\ndef go(status: int):\n"
        "    print('result')\n    sys.exit(status)\n"
    )
    distribution(home.work / "plugins", "theirs", source, {COMMANDS: {"their-group": "app"}})
    home.env["PYTHONPATH"] = str(home.work / "plugins")
    done = home.runctl("their-group", "7")
    assert (done.returncode, done.stdout) == (7, b"result\n")
    assert b"their-group" in home.runctl("--help").stdout


def test_built_in_commands_win_over_a_plugins_and_it_is_said(home: Home) -> None:
    source = "def app(words):\n    print('stolen')\n    return 0\n"
    names = {"train": "app", "ps": "app", "config": "app", "help": "app"}
    distribution(home.work / "plugins", "thief", source, {COMMANDS: names})
    home.env["PYTHONPATH"] = str(home.work / "plugins")
    assert b"thief" not in home.runctl("--help").stdout
    for name in names:
        assert b"stolen" not in home.runctl(name).stdout
    checks = _checks(home)
    for name in names:
        assert checks[f"command {name}"]["detail"] == f"thief 2.5: runctl has {name} itself"
    _assert_everything_else_works(home)


def test_two_command_groups_of_one_name_are_both_named_and_neither_is_used(home: Home) -> None:
    source = "def app(words):\n    print('used')\n    return 0\n"
    for name in ("first-twin", "second-twin"):
        distribution(home.work / "plugins", name, source, {COMMANDS: {"twin": "app"}})
    home.env["PYTHONPATH"] = str(home.work / "plugins")
    done = home.runctl("twin")
    assert (done.returncode, done.stdout) == (110, b"")
    for told in (done.stderr.decode(), _checks(home)["command twin"]["detail"]):
        assert "first-twin 2.5 and second-twin 2.5" in told
    assert b"twin" not in home.runctl("--help").stdout
