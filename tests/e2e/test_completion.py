"""Completion as a user gets it: the shells themselves, with the script that `runctl completion` prints."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from homes import RUNCTL, Home, wait_for
from runctl_core.cli.table import COMMANDS

DRIVE_BASH = """
source <(runctl completion bash)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_runctl
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def shell_home(home: Home) -> Home:
    """A home with `runctl` on PATH and one run, `the-run`, in it."""
    home.env["PATH"] = f"{Path(RUNCTL).parent}{os.pathsep}{home.env['PATH']}"
    home.write("s.py", "print(1)")
    home.runctl("train", "s.py")
    return home


def _bash(home: Home, *words: str) -> list[str]:
    done = subprocess.run(
        ["bash", "--norc", "-c", DRIVE_BASH, "bash", *words],
        cwd=home.work,
        env=home.env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "answers"),
    [
        ("runctl tr", ["train", "transfer"]),
        ("runctl config va", ["validate"]),
        ("runctl help config va", ["validate"]),
        ("runctl train --ma", ["--max-hours", "--max-price"]),
        ("runctl train --provider l", ["local"]),
        ("runctl train --provider = l", ["local"]),
        ("runctl train --on-finish k", ["keep"]),
        ("runctl runs --state can", ["cancelled"]),
        ("runctl cost --by p", ["project", "provider"]),
        ("runctl completion f", ["fish"]),
        ("runctl train train.py -- --ma", []),
        ("runctl nothing --x", []),
    ],
)
def test_bash_offers_what_may_come_next(shell_home: Home, words: str, answers: list[str]) -> None:
    assert sorted(_bash(shell_home, *words.split())) == answers


@pytest.mark.parametrize("before", ["logs", "logs --tail 5 -f", "stop", "pull", "checkpoint list", "cost"])
def test_bash_offers_runs_where_a_run_is_wanted(shell_home: Home, before: str) -> None:
    run = shell_home.json("runs")[0]["run"]
    assert _bash(shell_home, "runctl", *before.split(), run[:3]) == [run]


def test_every_command_offers_its_options(shell_home: Home) -> None:
    for name, *_ in COMMANDS:
        words = ["runctl", *name.split(), "-"]
        done = shell_home.runctl("_complete", str(len(words) - 1), *words)
        assert (done.returncode, done.stderr) == (0, b""), name
        help_page = shell_home.runctl(*name.split(), "--help").stdout.decode()
        for option in done.stdout.decode().split():
            assert option in help_page, f"{name} offers {option} and does not explain it"


def test_a_broken_configuration_is_no_noise_while_typing(shell_home: Home) -> None:
    shell_home.write("runctl.toml", "provider = [")
    assert _bash(shell_home, "runctl", "logs", "") != []
    assert _bash(shell_home, "runctl", "train", "--ma") == ["--max-hours", "--max-price"]


def test_fish_offers_commands_runs_and_files(shell_home: Home) -> None:
    def fish(line: str) -> list[str]:
        program = f"source (runctl completion fish | psub); complete -C {shlex.quote(line)}"
        done = subprocess.run(
            ["fish", "--no-config", "-c", program],
            cwd=shell_home.work,
            env=shell_home.env | {"HOME": str(shell_home.root)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert done.stderr == ""
        return done.stdout.split()

    run = shell_home.json("runs")[0]["run"]
    assert fish("runctl config va") == ["validate"]
    assert fish(f"runctl logs {run[:3]}") == [run]
    assert fish("runctl train s.") == ["s.py"]
    assert fish("runctl train --provider=l") == ["--provider=local"]


@pytest.fixture
def zsh(shell_home: Home) -> Iterator[list[str]]:
    """A tmux session with a zsh in it, ready to complete."""
    name = f"runctl-{os.getpid()}-{time.monotonic_ns()}"
    tmux = ["tmux", "-L", name]
    env = shell_home.env | {"PS1": "$ ", "ZDOTDIR": str(shell_home.root), "HOME": str(shell_home.root)}
    shell_home.root.joinpath(".zshrc").write_text(
        "PS1='$ '; autoload -Uz compinit; compinit -D; source <(runctl completion zsh); echo ready\n"
    )
    subprocess.run(
        [*tmux, "new-session", "-d", "-x", "80", "-y", "24", "zsh"], cwd=shell_home.work, env=env, check=True
    )
    try:
        wait_for(lambda: "ready\n$" in _screen(tmux), why="zsh did not start")
        yield tmux
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)


def _screen(tmux: list[str]) -> str:
    return subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("runctl config va", "runctl config validate"),
        ("runctl train s.", "runctl train s.py"),
        ("runctl train --provider=l", "runctl train --provider=local"),
    ],
)
def test_zsh_offers_commands_and_files(zsh: list[str], typed: str, shown: str) -> None:
    subprocess.run([*zsh, "send-keys", typed, "Tab"], check=True)
    wait_for(lambda: f"$ {shown}" in _screen(zsh), why=f"{typed} did not become {shown}")
