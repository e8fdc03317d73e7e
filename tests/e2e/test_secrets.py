"""A secret reaches the script, and nothing else: no argument, no file of runctl, no line of output."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from distributions import PROVIDERS, distribution, hook
from homes import RUNCTL, Home, wait_for

SECRET = "open-sesame-4711"
OTHER = "open-barley-0815"

SCRIPT = """
import hashlib, os, sys, time
print(hashlib.sha256(os.environ["KEY"].encode()).hexdigest(), flush=True)
while not os.path.exists("go"):
    time.sleep(0.05)
sys.exit(3)
"""

WAYS = {
    "env-file": ["--env-file", "keys.env"],
    "environment": ["--secret", "KEY"],
    "file": ["--secret", "KEY=@key"],
    "configured": [],
}


def _give(home: Home, way: str, value: str) -> None:
    if way == "env-file":
        home.write("keys.env", f"KEY={value}\n")
    elif way == "configured":
        home.write("keys.env", f"KEY={value}\n")
        home.write("runctl.toml", 'env_file = "keys.env"\n')
    elif way == "file":
        home.write("key", f"{value}\n")
    else:
        home.env["KEY"] = value


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode()).hexdigest().encode()


def _command_lines() -> bytes:
    """What `ps aux` shows of every process."""
    lines = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                lines.append((folder / "cmdline").read_bytes())
            except OSError:
                continue
    return b"\n".join(lines)


def _files(*roots: Path) -> bytes:
    """Every byte of every file below the roots."""
    found = [path for root in roots for path in root.rglob("*") if path.is_file()]
    assert found, "nothing was looked at"
    return b"\n".join(path.read_bytes() for path in found)


def _shown(home: Home, *commands: list[str], **env: str) -> bytes:
    """Everything that commands print, on both streams."""
    done = [home.runctl(*command, env=env) for command in commands]
    return b"\n".join(each.stdout + each.stderr for each in done)


LOOKS = (
    ["ps", "--json"],
    ["runs", "--json"],
    ["status", "latest"],
    ["status", "latest", "--json"],
    ["why", "latest"],
    ["why", "latest", "--json"],
    ["logs", "latest"],
    ["config", "show", "--json"],
    ["cost", "--json"],
)


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_reaches_the_script_and_nothing_else(home: Home, way: str) -> None:
    home.write("s.py", SCRIPT)
    _give(home, way, SECRET)
    following = home.start("train", "s.py", *WAYS[way])
    (row,) = wait_for(lambda: home.json("runs"), why="a run")
    run = row["run"]
    wait_for(lambda: _digest(SECRET) in home.runctl("logs", run).stdout, why="the script has its secret")
    needle = SECRET.encode()
    assert needle not in _command_lines(), "every user of this computer could read it"
    assert needle not in _files(home.state), "it is in a file of runctl while the script runs"
    assert needle not in _shown(home, *LOOKS)
    home.write("go", "")
    out, err = following.communicate(timeout=60)
    assert following.returncode == 3
    assert needle not in out + err
    assert needle not in _files(home.state), "it stays in a file of runctl"
    assert needle not in _shown(home, *LOOKS, RUNCTL_DEBUG="1")
    assert needle not in _shown(home, ["pull", run, "results"]) + _files(home.work / "results")


@pytest.mark.parametrize("way", WAYS)
def test_a_resume_reads_the_secret_anew(home: Home, way: str) -> None:
    home.write("s.py", SCRIPT)
    home.write("go", "")
    _give(home, way, SECRET)
    assert home.runctl("train", "s.py", *WAYS[way]).returncode == 3
    _give(home, way, OTHER)
    resumed = home.runctl("resume", "latest")
    assert resumed.returncode == 3, resumed.stderr.decode()
    assert _digest(OTHER) in resumed.stdout
    assert SECRET.encode() not in _files(home.state)
    assert OTHER.encode() not in _files(home.state)


def test_a_resume_without_its_secret_says_what_is_missing(home: Home) -> None:
    home.write("s.py", SCRIPT)
    home.write("go", "")
    _give(home, "environment", SECRET)
    home.runctl("train", "s.py", "--secret", "KEY")
    del home.env["KEY"]
    refused = home.runctl("resume", "latest")
    assert refused.returncode == 103
    assert b"export KEY=" in refused.stderr
    assert home.json("status", "latest")["attempt"] == 1, "an attempt was used up"


def test_a_set_up_program_leaves_no_secret_in_its_log(home: Home) -> None:
    home.write("s.py", "# /// script\n# dependencies = ['no such package']\n# ///\n")
    _give(home, "env-file", SECRET)
    done = home.runctl("train", "s.py", "--env-file", "keys.env")
    assert done.returncode in range(100, 117), done.stderr.decode()
    everything = done.stdout + done.stderr + _shown(home, ["logs", "latest", "--setup"], ["why", "latest"])
    assert SECRET.encode() not in everything + _files(home.state)


ERRORS = {
    "a line that is none": ("keys.env", f"KEY {SECRET}\n", ["--env-file", "keys.env"]),
    "a zero byte": ("keys.env", f"KEY={SECRET}\0\n", ["--env-file", "keys.env"]),
    "bytes": ("key", SECRET.encode() + b"\xff", ["--secret", "KEY=@key"]),
    "a file as a value": ("key", SECRET, ["--secret", f"KEY={SECRET}"]),
}


@pytest.mark.parametrize("name", ERRORS)
def test_no_error_and_no_traceback_shows_a_secret(home: Home, name: str) -> None:
    file, content, options = ERRORS[name]
    home.write("s.py", "print(1)")
    home.write(file, content)
    for debug in ("", "1"):
        done = home.runctl("train", "s.py", *options, env={"RUNCTL_DEBUG": debug})
        assert done.returncode in range(100, 117)
        assert SECRET.encode() not in done.stdout + done.stderr
    assert not list(home.state.rglob("crash-*"))


def test_a_provider_that_fails_with_a_secret_in_its_hands_shows_none(home: Home) -> None:
    source = (
        "from attrs import define\nfrom runctl_core.api import setting\n@define\nclass S:\n"
        "    key: str | None = setting(None, help='K.', secret=True)\n"
        "def make(settings): raise RuntimeError(f'cannot use {settings!r}')\n"
    )
    fields = "factory=make, settings=S"
    distribution(
        home.work / "plugins", "theirs", source + hook("theirs", fields), {PROVIDERS: {"theirs": ""}}
    )
    home.env |= {"PYTHONPATH": str(home.work / "plugins"), "RUNCTL_THEIRS_KEY": SECRET}
    home.write("s.py", "print(1)")
    commands = (
        ["train", "s.py", "--provider", "theirs"],
        ["offers"],
        ["doctor"],
        ["config", "show", "--json"],
        ["providers", "show", "theirs", "--json"],
        ["train", "--provider", "theirs", "--help"],
    )
    shown = _shown(home, *commands) + _shown(home, *commands, RUNCTL_DEBUG="1")
    assert SECRET.encode() not in shown + _files(home.state)
    assert b"--theirs-key" not in shown, "a secret must have no flag"
    row = {row["key"]: row for row in home.json("config", "show")}["providers.theirs.key"]
    assert (row["value"], row["origin"]) == ("***", "the variable RUNCTL_THEIRS_KEY")


@pytest.fixture
def secretive(home: Home) -> Home:
    """A home with a provider that has a secret setting."""
    source = (
        "from attrs import define\nfrom runctl_core.api import setting\n@define\nclass S:\n"
        "    key: str | None = setting(None, help='K.', secret=True)\n"
    )
    fields = "factory=object, settings=S"
    distribution(home.root / "site", "theirs", source + hook("theirs", fields), {PROVIDERS: {"theirs": ""}})
    home.env["PYTHONPATH"] = str(home.root / "site")
    return home


def test_config_set_refuses_a_secret_on_the_command_line(secretive: Home) -> None:
    done = secretive.runctl("config", "set", "providers.theirs.key", SECRET)
    assert done.returncode == 101
    assert SECRET.encode() not in done.stderr
    assert not (secretive.root / "config").exists()


def test_config_set_reads_a_secret_from_standard_input(secretive: Home) -> None:
    done = subprocess.run(
        [RUNCTL, "config", "set", "providers.theirs.key"],
        env=secretive.env,
        cwd=secretive.work,
        input=f"{SECRET}\n".encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert SECRET.encode() not in done.stdout + done.stderr
    path = secretive.root / "config" / "config.toml"
    assert f'key = "{SECRET}"' in path.read_text()
    assert path.stat().st_mode & 0o077 == 0, "others can read it"
    assert SECRET not in json.dumps(secretive.json("config", "show"))


def test_config_set_asks_for_a_secret_on_a_terminal_without_showing_it(secretive: Home) -> None:
    ours, theirs = pty.openpty()
    asking = subprocess.Popen(
        [RUNCTL, "config", "set", "providers.theirs.key"],
        env=secretive.env,
        cwd=secretive.work,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    while b"providers.theirs.key: " not in seen:
        seen += os.read(ours, 4096)
    os.write(ours, f"{SECRET}\n".encode())
    try:
        while data := os.read(ours, 4096):
            seen += data
    except OSError:
        pass  # how a terminal says that its last program has gone
    assert asking.wait(60) == 0
    os.close(ours)
    assert SECRET.encode() not in seen
    assert SECRET in (secretive.root / "config" / "config.toml").read_text()
