"""Bad input: one clear error with the command that mends it, in runctl's range, nothing half made."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from homes import Home


def _refused(done: subprocess.CompletedProcess[bytes], status: int, *words: str) -> None:
    told = done.stderr.decode()
    assert done.returncode == status, told
    assert told.count("error: ") == 1
    assert "fix: " in told
    assert "Traceback" not in told
    assert done.stdout == b""
    for word in words:
        assert word in told


def _nothing_made(home: Home) -> None:
    assert not (home.state / "state.db").exists() or home.json("runs") == []
    assert not list(home.state.glob("local/slots/local-*"))


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        (["train", "trian.py"], 103, ["no script trian.py", "runctl train train.py"]),
        (["train", "folder"], 101, ["is a directory", "folder/train.py"]),
        (["train", "notes.txt"], 101, ["neither a Python file nor executable", "chmod +x"]),
        (["train", "/dev/null"], 101, ["not a regular file"]),
        (["train", "train.py", "--provider", "locl"], 110, ["no provider locl", "--provider local"]),
        (["train", "train.py", "--provider", "lambda"], 110, ["pip install runctl-lambda"]),
        (["train", "train.py", "--budget", "-5"], 101, ["--budget", "above zero"]),
        (["train", "train.py", "--budget", "much"], 101, ["--budget"]),
        (["train", "train.py", "--max-price", "nan"], 101, ["--max-price"]),
        (["train", "train.py", "--max-hours", "-1"], 102, ["max_hours", "above zero"]),
        (["train", "train.py", "--max-hours", "inf"], 102, ["max_hours"]),
        (["train", "train.py", "--max-hours", "soon"], 101, ["--max-hours"]),
        (["train", "train.py", "--idle-minutes", "-1"], 102, ["idle_minutes"]),
        (["train", "train.py", "--gpu", "H100:0"], 101, ["H100:2"]),
        (["train", "train.py", "--gpu", "H100"], 106, ["1 x H100", "runctl offers"]),
        (["train", "train.py", "--spot"], 106, ["runctl offers"]),
        (["train", "train.py", "--env", "NOVALUE"], 101, ["NAME=VALUE"]),
        (["train", "train.py", "--env-file", "none.env"], 103, ["none.env"]),
        (["train", "train.py", "--secret", "NOT_SET_ANYWHERE"], 103, ["export NOT_SET_ANYWHERE"]),
        (["train", "train.py", "--resume", "none.pt"], 103, ["no checkpoint none.pt"]),
        (["train", "train.py", "--python", "python9.9"], 111, ["no interpreter python9.9"]),
        (["train", "train.py", "--on-finish", "explode"], 102, ["one of terminate, keep"]),
        (["train", "train.py", "--budjet", "5"], 101, ["--budget"]),
        (["train"], 101, ["SCRIPT"]),
        (["trian"], 101, ["near ones: train"]),
        (["config", "shwo"], 101, ["near ones: show"]),
        (["status", "nobody"], 103, ["no run nobody"]),
        (["status", ""], 103, ["no run"]),
        (["logs", "../../etc/passwd"], 103, ["no run"]),
        (["runs", "--state", "sleeping"], 101, ["succeeded"]),
        (["runs", "--since", "yesterday"], 101, ["--since 7d"]),
        (["cost", "--by", "planet"], 101, ["--by run"]),
        (["cost", "--since", "soon"], 101, ["2026-11-01"]),
        (["config", "set", "providr", "x"], 102, ["did you mean provider?"]),
        (["config", "set", "max_hours", "long"], 102, ["a number"]),
        (["checkpoint", "info", "notes.txt"], 103, ["no checkpoint of a known format"]),
        (["monitor"], 101, ["nothing to watch"]),
        (["completion", "tcsh"], 101, ["bash, zsh, fish"]),
    ],
)
def test_bad_input(home: Home, args: list[str], status: int, words: list[str]) -> None:
    home.write("train.py", "print('ran')")
    home.write("notes.txt", "hello")
    (home.work / "folder").mkdir()
    _refused(home.runctl(*args), status, *words)
    _nothing_made(home)


def test_bad_toml_is_told_with_line_and_column(home: Home) -> None:
    home.write("train.py", "print(1)")
    home.write("runctl.toml", 'provider = "local"\nmax_hours = = 3\n')
    _refused(home.runctl("train", "train.py"), 102, "runctl.toml", "line 2", "column 13")
    _nothing_made(home)


def test_an_unknown_key_names_the_nearest(home: Home) -> None:
    home.write("train.py", "print(1)")
    home.write("pyproject.toml", "[tool.runctl]\nmax_hour = 3\n")
    _refused(home.runctl("train", "train.py"), 102, "unknown key max_hour", "did you mean max_hours?")
    home.write("pyproject.toml", '[tool.runctl.providers.local]\ndirectry = "x"\n')
    _refused(home.runctl("train", "train.py"), 102, "directry", "did you mean directory?")


def test_no_python_on_path(home: Home, tmp_path: Path) -> None:
    home.write("train.py", "print(1)")
    (tmp_path / "bin").mkdir()
    done = home.runctl("train", "train.py", env={"PATH": str(tmp_path / "bin")})
    _refused(done, 111, "no Python on PATH", "--python")
    _nothing_made(home)


@pytest.mark.parametrize("command", [["train", "train.py"], ["ps"], ["runs"], ["cost"]])
def test_a_state_directory_that_cannot_be_made(home: Home, command: list[str]) -> None:
    home.write("train.py", "print(1)")
    home.write("file", "not a folder")
    done = home.runctl(*command, env={"RUNCTL_STATE_DIR": str(home.work / "file" / "state")})
    _refused(done, 109, "RUNCTL_STATE_DIR")


def test_a_state_file_that_is_no_database(home: Home) -> None:
    home.state.mkdir()
    (home.state / "state.db").write_text("this is a love letter, not a database" * 100)
    _refused(home.runctl("ps"), 109, "cannot be used", "mv ")


def test_a_state_file_of_a_newer_runctl(home: Home) -> None:
    import sqlite3

    home.runctl("ps")
    with sqlite3.connect(home.state / "state.db") as db:
        db.execute("PRAGMA user_version=999")
    _refused(home.runctl("ps"), 109, "newer runctl", "pip install --upgrade runctl-core")


@pytest.mark.faults
def test_a_full_disk(home: Home, tmp_path: Path) -> None:
    home.write("train.py", "print(1)")
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)], capture_output=True, check=False
    )
    assert mounted.returncode == 0, "this test needs the right to mount a small file system"
    try:
        for room in (0, 20_000, 60_000, 120_000):
            free = os.statvfs(small)
            fill = free.f_bavail * free.f_frsize - room
            (small / "filler").write_bytes(b"\0" * max(0, fill))
            done = home.runctl("train", "train.py", env={"RUNCTL_STATE_DIR": str(small / "state")})
            told = done.stderr.decode()
            assert "Traceback" not in told
            assert done.returncode in range(100, 117), told
            assert "fix: " in told
            (small / "filler").unlink()
            subprocess.run(["rm", "-rf", str(small / "state")], check=True)
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_hostile_names_do_not_reach_the_terminal(home: Home) -> None:
    home.write("train.py", "print(1)")
    home.runctl("train", "train.py", "--name", "\x1b[2Jgone\nrow", "--project", "p\tq")
    shown = home.runctl("runs").stdout
    assert b"\x1b" not in shown
    assert shown.count(b"\n") == 1
    assert home.json("runs")[0]["name"] == "\x1b[2Jgone\nrow"
