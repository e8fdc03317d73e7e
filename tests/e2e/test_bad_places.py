"""Bad places to run in: files, folders, streams and surroundings that are broken or not there."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from homes import RUNCTL, Home


def _refused(done: subprocess.CompletedProcess[bytes], status: int, *words: str) -> None:
    told = done.stderr.decode()
    assert done.returncode == status, told
    assert told.count("error: ") == 1
    assert "fix: " in told
    assert "Traceback" not in told
    for word in words:
        assert word in told


def _shell(home: Home, command: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """A command line of a shell, in which `runctl` is the real command."""
    return subprocess.run(
        ["/bin/sh", "-c", f'runctl() {{ "{RUNCTL}" "$@"; }}; {command}'],
        cwd=home.work,
        env={**home.env, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_bad_toml_is_told_with_line_and_column(home: Home) -> None:
    home.write("train.py", "print(1)")
    home.write("runctl.toml", 'provider = "local"\nmax_hours = = 3\n')
    _refused(home.runctl("train", "train.py"), 102, "runctl.toml", "line 2", "column 13")
    assert home.runctl("ps").stdout == b""


def test_an_unknown_key_names_the_nearest(home: Home) -> None:
    home.write("train.py", "print(1)")
    home.write("pyproject.toml", "[tool.runctl]\nmax_hour = 3\n")
    _refused(home.runctl("train", "train.py"), 102, "unknown key max_hour", "did you mean max_hours?")
    home.write("pyproject.toml", '[tool.runctl.providers.local]\ndirectry = "x"\n')
    _refused(home.runctl("train", "train.py"), 102, "directry", "did you mean directory?")


FILES: Mapping[str, tuple[bytes, str]] = {
    "no-text": (b"provider = '\xff'\n", "not valid TOML"),
    "zero-byte": (b"provider = '\0'\n", "line 1, column 13"),
    "deep": (b"provider = " + b"[" * 100_000, "not valid TOML"),
    "huge": (b"# " + b"x" * 2_000_000, "over 1 MB"),
    "providers-a-number": (b"providers = 3\n", "providers in"),
    "provider-a-number": (b"[providers]\nlocal = 3\n", "providers.local in"),
    "provider-a-list": (b"[[providers.local]]\n", "is not a table"),
    "list-for-text": (b"provider = ['local']\n", "it takes a text"),
    "infinite": (b"max_hours = inf\n", "it takes a number"),
    "twice": (b"provider = 'a'\nprovider = 'b'\n", "line 2"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("command", [["train", "train.py"], ["config", "validate"]])
def test_a_broken_configuration_is_one_clear_error(home: Home, name: str, command: list[str]) -> None:
    home.write("train.py", "print(1)")
    text, told = FILES[name]
    home.write("runctl.toml", text)
    _refused(home.runctl(*command), 102, "runctl.toml", told)
    assert not list(home.state.glob("runs/*"))


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("list-for-text", "infinite")])
def test_a_broken_configuration_is_never_rewritten(home: Home, name: str) -> None:
    path = home.write("runctl.toml", FILES[name][0])
    _refused(home.runctl("config", "set", "provider", "local", "--project"), 102, "runctl.toml")
    assert path.read_bytes() == FILES[name][0]


def test_a_folder_where_the_configuration_belongs_is_said(home: Home) -> None:
    (home.work / "runctl.toml").mkdir()
    _refused(home.runctl("config", "show"), 102, "Is a directory", "mv ")
    _refused(home.runctl("config", "set", "provider", "x", "--project"), 102, "Is a directory")


def test_no_python_on_path(home: Home, tmp_path: Path) -> None:
    home.write("train.py", "print(1)")
    (tmp_path / "bin").mkdir()
    for path in (str(tmp_path / "bin"), ""):
        done = home.runctl("train", "train.py", env={"PATH": path})
        _refused(done, 111, "no Python on PATH", "--python")
    assert home.json("runs") == []
    assert not list(home.state.glob("local/slots/local-*"))


@pytest.mark.parametrize("command", [["train", "train.py"], ["ps"], ["runs"], ["cost"], ["doctor"]])
@pytest.mark.parametrize("place", ["file/state", "file", "/proc/no-such-place", "/dev/null"])
def test_a_state_directory_that_cannot_be_made(home: Home, command: list[str], place: str) -> None:
    home.write("train.py", "print(1)")
    home.write("file", "not a folder")
    done = home.runctl(*command, env={"RUNCTL_STATE_DIR": str(home.work / place)})
    assert done.returncode == 109
    assert b"RUNCTL_STATE_DIR" in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
    assert (home.work / "file").read_text() == "not a folder"


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


@pytest.mark.parametrize("command", ["config show", "train train.py", "init"])
def test_a_current_directory_that_was_deleted_is_said(home: Home, command: str) -> None:
    (home.work / "gone").mkdir()
    done = _shell(home, f"cd gone && rmdir ../gone && runctl {command}")
    _refused(done, 103, "cd to")


def test_runs_are_listed_from_a_directory_that_was_deleted(home: Home) -> None:
    home.write("s.py", "print(1)")
    home.runctl("train", "s.py")
    (home.work / "gone").mkdir()
    done = _shell(home, "cd gone && rmdir ../gone && runctl runs --json")
    assert len(json.loads(done.stdout)) == 1, done.stderr.decode()


@pytest.mark.parametrize(
    "command", ["--version", "--help", "ps", "runs", "providers list --json", "train s.py"]
)
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_closed_stream_breaks_nothing(home: Home, command: str, closed: str) -> None:
    home.write("s.py", "import sys; print('out'); print('err', file=sys.stderr)")
    done = _shell(home, f"runctl {command} {closed}")
    assert done.returncode == 0, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    if command == "train s.py":
        assert [run["state"] for run in home.json("runs")] == ["succeeded"]
        assert set(home.runctl("logs", "latest").stdout.splitlines()) == {b"out", b"err"}


def test_no_file_of_ours_gets_the_number_of_a_closed_stream(home: Home) -> None:
    home.write("s.py", "import os; os.write(1, b'out'); os.write(2, b'err')")
    assert _shell(home, "runctl train s.py >&- 2>&- <&-").returncode == 0
    assert home.runctl("ps").returncode == 0, "the script wrote into the state file"
    assert home.runctl("logs", "latest").stdout == b"outerr"


def test_a_full_standard_output_is_one_clear_error(home: Home) -> None:
    for command in ("providers list --json", "--help", "config show", "completion bash"):
        done = _shell(home, f"runctl {command} > /dev/full")
        _refused(done, 109, "No space left")
        assert b"Exception ignored" not in done.stderr


def test_a_reader_that_leaves_ends_quietly(home: Home) -> None:
    for command in ("config show", "providers list --json", "completion bash", "--help"):
        done = _shell(home, f"{{ runctl {command}; echo $? >&2; }} | true")
        assert done.stderr.split()[-1] in (b"141", b"0")
        assert b"Traceback" not in done.stderr
        assert b"Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    "surroundings",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX"},
        {"PYTHONIOENCODING": "ascii"},
        {"COLUMNS": "0"},
        {"COLUMNS": "-7"},
        {"COLUMNS": "wide"},
        {"TERM": ""},
        {"TZ": "No/Where"},
        {"RUNCTL_DEBUG": "1"},
    ],
    ids=str,
)
def test_strange_surroundings_change_nothing(home: Home, surroundings: dict[str, str]) -> None:
    home.write("ünï.py", "print('works')")
    done = home.runctl("train", "ünï.py", "--name", "größe → 7", env=surroundings)
    assert (done.returncode, done.stdout) == (0, b"works\n"), done.stderr.decode()
    for command in (["runs"], ["status", "latest"], ["--help"], ["train", "--help"], ["offers"]):
        assert home.runctl(*command, env=surroundings).returncode == 0
    (run,) = json.loads(home.runctl("runs", "--json", env=surroundings).stdout.decode("utf-8"))
    assert run["name"] == "größe → 7"


def test_no_home_is_needed(home: Home) -> None:
    home.write("s.py", "print('works')")
    home.env.pop("HOME")
    assert home.runctl("train", "s.py").stdout == b"works\n"
    home.env["HOME"] = "/nowhere/at/all"
    assert home.runctl("train", "s.py").stdout == b"works\n"


def test_a_folder_whose_name_is_no_text_is_said(home: Home) -> None:
    folder = os.fsencode(home.work) + b"/f\xff"
    os.mkdir(folder)
    Path(os.fsdecode(folder), "s.py").write_text("print('works')")
    done = home.runctl("train", "s.py", cwd=Path(os.fsdecode(folder)))
    _refused(done, 101, "not text in UTF-8")
    assert home.json("runs") == []
