"""What each kind of command imports: a start stays light, whoever adds an import."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from isolation.conftest import Seen, WatchedHome

COMMANDS = {
    "--version": 0,
    "--help": 0,
    "_complete 1 runctl": 0,
    "config --help": 0,
    "train --help": 44,
    "ps": 24,
    "ps --all --json": 24,
    "runs": 24,
    "status latest": 56,
    "why latest": 51,
    "logs latest": 50,
    "cost": 32,
    "burn": 0,
    "burn --json": 0,
    "top --help": 30,
    "resources list": 63,
    "resources list --offline --json": 50,
    "orphans": 63,
    "checkpoint list latest": 38,
    "audit": 33,
    "resources cleanup --dry-run": 66,
    "stop-all": 62,
    "config show": 40,
    "providers list": 36,
    "providers show local": 36,
    "offers": 48,
    "doctor": 45,
    "train --dry-run empty.py": 64,
    "train empty.py": 81,
}
"""Each kind of command, and how many attrs classes it may make: a little more than it needs."""

LIGHT = {"attr", "attrs", "pluggy", "tomlkit", "typer", "annotated_doc", "shellingham"}
"""All third-party packages that a command may import: what attrs, pluggy, tomlkit and Typer are."""

HEAVY = {
    "asyncio",
    "concurrent.futures",
    "dbm",
    "email",
    "http",
    "importlib.metadata",
    "multiprocessing",
    "pydoc",
    "ssl",
    "unittest",
    "urllib.request",
    "xml",
}
"""What no command may import from the standard library: it costs more than the command itself."""

AT_ONCE = ("--version", "--help", "_complete 1 runctl")
"""The commands that answer before anything is imported."""


def assert_light(what: str, seen: Seen) -> None:
    """No cloud client, HTTP client, asyncio, rich, pydantic, or database other than sqlite3."""
    strangers = seen.foreign - LIGHT
    assert not strangers, f"{what} imports {sorted(strangers)}: each start of it is slower for every user"
    heavy = seen.modules & HEAVY
    assert not heavy, f"{what} imports {sorted(heavy)}: import it where it is used, not at the top"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_imports_nothing_heavy(house: WatchedHome, command: str) -> None:
    assert_light(f"runctl {command}", house.command(*command.split()))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_makes_few_attrs_classes(house: WatchedHome, command: str) -> None:
    classes = house.command(*command.split()).classes
    by_module = Counter(name.rpartition(".")[0] for name in classes)
    assert len(classes) <= COMMANDS[command], (
        f"runctl {command} makes {len(classes)} attrs classes, each of about 0.9 ms, where"
        f" {COMMANDS[command]} were enough: which of these modules does it not need? {dict(by_module)}"
    )


@pytest.mark.parametrize("command", ["stop", "logs", "ps", "exec", "ssh"])
def test_a_command_for_a_live_run_imports_nothing_heavy(house: WatchedHome, command: str) -> None:
    run = house.detached("long.py")
    words = {"ps": [], "exec": [run, "--", "true"]}.get(command, [run])
    try:
        seen = house.command(command, *words)
    finally:
        house.runctl("stop", run, "--grace-seconds", "0")
    assert_light(f"runctl {command}", seen)
    most = 80 if command == "stop" else 64  # stopping lets go of the machine, by the rules of safety
    assert len(seen.classes) <= most, f"runctl {command} of a live run makes {len(seen.classes)} classes"


@pytest.mark.parametrize("command", AT_ONCE)
def test_what_answers_at_once_imports_neither_attrs_nor_typing(house: WatchedHome, command: str) -> None:
    seen = house.command(*command.split())
    slow = seen.modules & {"attr", "typing", "sqlite3", "typer", "json", "re", "inspect", "subprocess"}
    assert not slow, f"runctl {command} imports {sorted(slow)}, and is to answer before anything is imported"
    assert not seen.foreign


def test_the_version_is_told_by_two_modules_of_ours(house: WatchedHome) -> None:
    ours = {module for module in house.command("--version").modules if module.startswith("runctl")}
    assert ours == {"runctl_core", "runctl_core.__main__"}


@pytest.mark.parametrize("command", ["--help", "help", "config --help", "_complete 2 runctl config "])
def test_pages_and_names_that_are_known_import_no_typer(house: WatchedHome, command: str) -> None:
    assert "typer" not in house.command(*command.split(" ")).modules


@pytest.mark.parametrize("command", ["ps", "ps --all", "ps --json"])
def test_ps_imports_no_typer(house: WatchedHome, command: str) -> None:
    assert "typer" not in house.command(*command.split()).modules


@pytest.mark.parametrize("command", ["burn", "burn --json"])
def test_burn_reads_the_books_with_the_standard_library_alone(house: WatchedHome, command: str) -> None:
    seen = house.command(*command.split())
    assert not seen.foreign, "a prompt would wait for it"
    assert "runctl_core.tracking" not in seen.modules


def test_commands_that_name_no_provider_import_none(house: WatchedHome) -> None:
    for command in (*AT_ONCE, "ps", "runs", "cost", "config path"):
        plugins = {
            name for name in house.command(*command.split()).modules if name.startswith("runctl_local")
        }
        assert not plugins, f"runctl {command} imports {plugins}: a broken plugin would break it"
