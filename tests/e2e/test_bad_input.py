"""Bad input: one clear error with the command that mends it, in runctl's range, nothing half made."""

from __future__ import annotations

import subprocess

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


def _project(home: Home) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in home.work.rglob("*") if path.is_file()}


def _nothing_made(home: Home, before: dict[str, bytes]) -> None:
    assert _project(home) == before, "the project was changed"
    assert not (home.root / "config").exists(), "the user's configuration was changed"
    assert not list(home.state.glob("runs/*")), "a run's folder was left behind"
    assert not list(home.state.glob("local/slots/local-*")), "a resource was left behind"
    assert home.json("runs") == []


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
        (["train", "train.py", "--budget", "1e999999"], 101, ["--budget"]),
        (["train", "train.py", "--budget", "nan"], 101, ["--budget"]),
        (["train", "train.py", "--max-price", "nan"], 101, ["--max-price"]),
        (["train", "train.py", "--max-hours", "-1"], 102, ["max_hours", "above zero"]),
        (["train", "train.py", "--max-hours", "inf"], 102, ["max_hours"]),
        (["train", "train.py", "--max-hours", "1e308"], 102, ["max_hours", "cannot be above"]),
        (["train", "train.py", "--max-hours", "soon"], 101, ["--max-hours"]),
        (["train", "train.py", "--idle-minutes", "-1"], 102, ["idle_minutes"]),
        (["train", "train.py", "--idle-minutes", "1e300"], 102, ["idle_minutes"]),
        (["train", "train.py", "--grace-seconds", "nan"], 102, ["grace_seconds"]),
        (["train", "train.py", "--gpu", "H100:0"], 101, ["H100:2"]),
        *((["train", "train.py", "--gpu", gpu], 101, ["H100:2"]) for gpu in (":", ":2", "H100:", "H100:-1")),
        (["train", "train.py", "--gpu", "H100:" + "9" * 5000], 101, ["H100:2"]),
        (["train", "train.py", "--gpu", ""], 101, ["an argument is empty"]),
        (["train", "train.py", "--gpu="], 101, ["--gpu is empty"]),
        (["train", "train.py", "--gpu", "H100"], 106, ["1 x H100", "runctl offers"]),
        (["train", "train.py", "--spot"], 113, ["has no spot", "leave out --spot"]),
        (["train", "train.py", "--env", "NOVALUE"], 101, ["NAME=VALUE"]),
        (["train", "train.py", "--env", "=x"], 101, ["NAME=VALUE"]),
        (["train", "train.py", "--env", "1ST=x"], 101, ["NAME=VALUE"]),
        (["train", "train.py", "--env-file", "none.env"], 103, ["none.env"]),
        (["train", "train.py", "--env-file", "folder"], 103, ["Is a directory"]),
        (["train", "train.py", "--env-file", "binary"], 103, ["binary", "not UTF-8"]),
        (["train", "train.py", "--env-file", "zero"], 101, ["zero byte"]),
        (["train", "train.py", "--env-file", "notes.txt"], 101, ["notes.txt, line 1"]),
        (["train", "train.py", "--secret", "KEY=@zero"], 101, ["zero byte"]),
        (["train", "train.py", "--secret", "KEY=@none"], 103, ["none"]),
        (["train", "train.py", "--secret", "=@notes.txt"], 101, ["NAME=@FILE"]),
        (["train", "train.py", "--secret", "NOT_SET_ANYWHERE"], 103, ["export NOT_SET_ANYWHERE"]),
        (["train", "train.py", "--output", "/"], 101, ["holds runctl's own state"]),
        (["train", "train.py", "--output", "../.."], 101, ["holds runctl's own state"]),
        (
            ["train", "train.py", "--output", "a/out", "--output", "b/out"],
            101,
            ["a/out and b/out have one name"],
        ),
        (["train", "-train.py"], 101, ["no option -t"]),
        (["train", b"tr\xffin.py"], 101, ["not text in UTF-8"]),
        (["train", "train.py", "--name", b"\xff"], 101, ["not text in UTF-8"]),
        (["train", "line\nbreak.py"], 103, ["no script line\\nbreak.py"]),
        (["train", "train.py/x"], 103, ["no script"]),
        (["train", "t" * 5000], 103, ["no script"]),
        (["train", "train.py", "--resume", "none.pt"], 103, ["no checkpoint none.pt"]),
        (["train", "train.py", "--python", "python9.9"], 111, ["no interpreter python9.9"]),
        (["train", "train.py", "--on-finish", "explode"], 102, ["one of terminate, keep"]),
        (["train", "train.py", "--budjet", "5"], 101, ["--budget"]),
        (["train"], 101, ["SCRIPT"]),
        (["trian"], 101, ["near ones: train"]),
        (["config", "shwo"], 101, ["near ones: show"]),
        (["status", "nobody"], 103, ["no run nobody"]),
        (["status", ""], 101, ["an argument is empty"]),
        (["stop", "a/b"], 103, ["no run"]),
        (["pull", ".."], 103, ["no run"]),
        (["why", "*"], 103, ["no run"]),
        (["resume", "%"], 103, ["no run"]),
        (["attach", "' OR 1=1 --"], 103, ["no run"]),
        (["exec", "..", "--", "ls"], 103, ["no run"]),
        (["logs", "../../etc/passwd"], 103, ["no run"]),
        (["runs", "--state", "sleeping"], 101, ["succeeded"]),
        (["runs", "--since", "yesterday"], 101, ["--since 7d"]),
        (["runs", "--since", "99999999999d"], 101, ["--since 7d"]),
        (["runs", "--limit", "-1"], 101, ["--limit"]),
        (["offers", "--timeout", "nan"], 101, ["--timeout"]),
        (["offers", "--timeout", "0"], 101, ["--timeout"]),
        (["cost", "--by", "planet"], 101, ["--by run"]),
        (["cost", "--since", "soon"], 101, ["2026-11-01"]),
        (["config", "set", "providr", "x"], 102, ["did you mean provider?"]),
        (["config", "set", "max_hours", "long"], 102, ["a number"]),
        (["config", "set", "budget", "nan"], 102, ["a number"]),
        (["config", "set", "on_finish", "explode"], 102, ["one of terminate, keep"]),
        (["config", "set", "providers", "x"], 102, ["unknown key providers"]),
        (["config", "set", "providers.nix.key", "x"], 110, ["no provider nix"]),
        (["config", "set", "providers.local.nix", "x"], 102, ["unknown key nix"]),
        (["checkpoint", "info", "notes.txt"], 103, ["no checkpoint of a known format"]),
        (["monitor"], 101, ["nothing to watch"]),
        (["completion", "tcsh"], 101, ["bash, zsh, fish"]),
    ],
)
def test_bad_input(home: Home, args: list[str | bytes], status: int, words: list[str]) -> None:
    home.write("train.py", "print('ran')")
    home.write("notes.txt", "hello")
    home.write("binary", b"KEY=\xff\xfe")
    home.write("zero", "KEY=se\0same")
    home.write("folder/file", "")
    before = _project(home)
    _refused(home.runctl(*args), status, *words)
    _nothing_made(home, before)


def test_hostile_names_do_not_reach_the_terminal(home: Home) -> None:
    home.write("train.py", "print(1)")
    home.runctl("train", "train.py", "--name", "\x1b[2Jgone\nrow", "--project", "p\tq")
    shown = home.runctl("runs").stdout
    assert b"\x1b" not in shown
    assert shown.count(b"\n") == 1
    assert home.json("runs")[0]["name"] == "\x1b[2Jgone\nrow"
