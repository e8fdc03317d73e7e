"""`runctl transfer` as a user has it: runs, folders, stores, Ctrl-C, a full disk, a careful question."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from pathlib import Path

import pytest

import schemas
import shelf
from core.checkpoint_files import npz
from distributions import distribution
from homes import RUNCTL, Home, wait_for
from terminals import Terminal

LIVE = """
import os, pathlib, time
pathlib.Path("results").mkdir(exist_ok=True)
pathlib.Path("results/metrics.json").write_text("{}")
pathlib.Path(os.environ["RUNCTL_CHECKPOINT_DIR"], "step-1.pkl").write_bytes(b"\\x80\\x04N.")
print("begun", flush=True)
while not pathlib.Path("end").exists():
    time.sleep(0.02)
"""


@pytest.fixture
def live(home: Home) -> str:
    """A run that goes on until there is a file `end`."""
    home.write("s.py", LIVE)
    run = home.detached("s.py", "--output", "results")
    wait_for(lambda: b"begun" in home.runctl("logs", run).stdout)
    return run


@pytest.fixture
def big(home: Home) -> bytes:
    """A file of 40 MB."""
    data = os.urandom(1_000_000) * 40
    home.write("big.bin", data)
    return data


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".runctl-*")]


@pytest.mark.parametrize("over", [False, True], ids=["live", "over"])
def test_the_files_of_a_run_are_found_while_it_runs_and_after(home: Home, live: str, over: bool) -> None:
    if over:
        home.write("end", "")
        wait_for(lambda: home.state_of(live) == "succeeded")
    wanted = {
        "results": {"metrics.json": b"{}"},
        "results/metrics.json": {"metrics.json": b"{}"},
        "checkpoints": {"step-1.pkl": b"\x80\x04N."},
        "log": {"attempt-1.log" if over else "log": b"begun\n"},
        "s.py": {"s.py": LIVE.encode()},
    }
    for path, files in wanted.items():
        target = home.work / "there" / path.replace("/", "-")
        done = home.runctl("transfer", f"{live}:{path}", f"{target}/")
        assert done.returncode == 0, (path, done.stderr.decode())
        assert {file.name: file.read_bytes() for file in target.iterdir()} == files, path


def test_a_live_run_is_given_a_file_and_one_that_is_over_is_not(home: Home, live: str) -> None:
    home.write("more.txt", "more")
    assert home.runctl("transfer", "more.txt", f"{live}:data/more.txt").returncode == 0
    assert (home.work / "data" / "more.txt").read_text() == "more"
    home.write("end", "")
    wait_for(lambda: home.state_of(live) == "succeeded")
    done = home.runctl("transfer", "more.txt", f"{live}:data/late.txt")
    assert done.returncode == 104
    assert f"{live} is succeeded".encode() in done.stderr
    assert not (home.work / "data" / "late.txt").exists()


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../../b", ""])
def test_no_path_leads_out_of_a_runs_folder(home: Home, live: str, path: str) -> None:
    done = home.runctl("transfer", f"{live}:{path}", "there")
    assert done.returncode == 101, done.stderr.decode()
    assert not (home.work / "there").exists()


def test_what_a_run_does_not_have_is_said(home: Home, live: str) -> None:
    done = home.runctl("transfer", f"{live}:nothing", "there")
    assert done.returncode == 103
    assert f"runctl status {live}".encode() in done.stderr


def test_a_dry_run_shows_each_file_and_does_nothing(home: Home) -> None:
    home.write("a/x", "1")
    done = home.runctl("transfer", "a", "b", "--dry-run")
    assert done.stdout == b"x\t1 B\tcopy\n"
    assert done.stderr == b"1 file (1 B) would be copied to b\n"
    assert not (home.work / "b").exists()


def test_nothing_that_differs_is_replaced_without_force(home: Home) -> None:
    home.write("a/x", "new")
    home.write("b/x", "old!")
    done = home.runctl("transfer", "a", "b")
    assert done.returncode == 104
    assert b"x" in done.stderr and b"--force" in done.stderr
    assert (home.work / "b" / "x").read_text() == "old!", "a file was lost without a yes"
    assert home.runctl("transfer", "a", "b", "--force").returncode == 0
    assert (home.work / "b" / "x").read_text() == "new"


@pytest.mark.parametrize(("answer", "text"), [("y\n", "new"), ("n\n", "old!")])
def test_on_a_terminal_it_asks_before_it_replaces(home: Home, answer: str, text: str) -> None:
    home.write("a/x", "new")
    home.write("b/x", "old!")
    with Terminal(home, "transfer", "a", "b") as terminal:
        terminal.until("b has x already, and they differ. Replace them? [y/N]")
        terminal.press(answer)
        assert terminal.status() == (0 if answer == "y\n" else 104)
    assert (home.work / "b" / "x").read_text() == text


def test_a_name_in_a_question_moves_no_cursor(home: Home) -> None:
    home.write("a/x\x1b[2J", "new")
    home.write("b/x\x1b[2J", "old!")
    with Terminal(home, "transfer", "a", "b") as terminal:
        terminal.until("[y/N]")
        terminal.press("n\n")
        assert terminal.status() == 104
    assert "\x1b[2J" not in terminal.shown


def test_what_it_prints_is_as_documented(home: Home) -> None:
    home.write("a/x", "1")
    os.mkfifo(home.work / "a" / "pipe")
    for words in (("--dry-run",), (), ()):
        document = home.json("transfer", "a", "b", *words)
        schemas.check("transfer", document)
        assert document["left_out"] == ["pipe: no regular file"]
    home.write("a/x", "22")
    (file,) = home.json("transfer", "a", "b", "--force")["files"]
    assert file == {"path": "x", "size_bytes": 2, "action": "replace"}


def test_ctrl_c_ends_it_and_the_same_command_goes_on(home: Home, big: bytes) -> None:
    shelves = shelf.in_home(home)
    assert home.runctl("transfer", "big.bin", "shelf://red/big.bin").returncode == 0
    shelves.hold(True)
    with Terminal(home, "transfer", "shelf://red/big.bin", "there/") as terminal:
        wait_for(lambda: list((home.work / "there").glob("*.journal")))
        terminal.until("copying ")
        terminal.press("\x03")
        assert terminal.status() == 130
        assert "the same command goes on from here" in terminal.shown
    assert not (home.work / "there" / "big.bin").exists(), "half a file has its name"
    shelves.hold(False)
    done = home.runctl("transfer", "shelf://red/big.bin", "there/")
    assert done.returncode == 0, done.stderr.decode()
    assert (home.work / "there" / "big.bin").read_bytes() == big
    assert hidden(home.work) == []


def test_a_full_disk_is_one_clear_error_and_nothing_has_its_name(home: Home, big: bytes) -> None:
    home.write("a/small", "1")
    (home.work / "big.bin").rename(home.work / "a" / "big")
    done = subprocess.run(
        [RUNCTL, "transfer", "a", "there"],
        cwd=home.work,
        env=home.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000_000, 20_000_000)),
    )
    told = done.stderr.decode()
    assert (done.returncode, told.count("error: "), "Traceback" in told) == (109, 1, False), told
    assert "then the same command goes on" in told
    assert not (home.work / "there" / "big").exists()
    assert home.runctl("transfer", "a", "there").returncode == 0
    assert (home.work / "there" / "big").read_bytes() == big
    assert hidden(home.work) == []


def test_a_checkpoint_in_a_store_is_listed_once_its_manifest_is_there(home: Home) -> None:
    shelf.in_home(home)
    home.write("c/step-1.pkl", b"\x80\x04N.")
    home.runctl("transfer", "c", "shelf://red/c")
    assert home.json("checkpoint", "list", "shelf://red") == []
    home.shell("python -c \"from runctl_core.checkpoints import manifest; manifest.write('c/step-1.pkl')\"")
    home.runctl("transfer", "c", "shelf://red/c")
    (found,) = home.json("checkpoint", "list", "shelf://red")
    schemas.check("checkpoint list", [found])
    assert (found["path"], found["complete"]) == ("shelf://red/c/step-1.pkl", True)
    done = home.runctl("checkpoint", "prune", "shelf://red/c", "--keep-last", "1")
    assert done.returncode == 113


@pytest.fixture
def stored(home: Home) -> str:
    """The URL of a checkpoint that lies in a store, with its manifest."""
    shelf.in_home(home)
    home.write("c/step-7.npz", npz())
    home.write("s.py", "import os\nprint(open(os.environ['RUNCTL_RESUME_FROM'], 'rb').read(2))\n")
    assert home.runctl("checkpoint", "verify", "c", "--all", "--record").returncode == 0
    assert home.runctl("transfer", "c", "shelf://red/c").returncode == 0
    return "shelf://red/c/step-7.npz"


def test_a_checkpoint_in_a_store_is_described_by_its_manifest(home: Home, stored: str) -> None:
    found = home.json("checkpoint", "info", stored)
    schemas.check("checkpoint info", found)
    assert (found["path"], found["step"], found["complete"]) == (stored, 7, True)


def test_a_run_begins_with_a_checkpoint_of_a_store(home: Home, stored: str) -> None:
    done = home.runctl("checkpoint", "resume", stored, "s.py", "--provider", "local")
    assert done.returncode == 0, done.stderr.decode()
    assert b"b'PK'" in done.stdout, "the script did not find the checkpoint's bytes"


def test_a_checkpoint_without_a_manifest_in_a_store_starts_nothing(home: Home, stored: str) -> None:
    done = home.runctl("checkpoint", "resume", f"{stored}.other", "s.py", "--provider", "local")
    assert (done.returncode, home.json("runs")) == (103, [])
    assert b"runctl checkpoint list shelf://red/" in done.stderr


def test_a_store_that_nobody_brings_says_what_to_install(home: Home) -> None:
    home.write("x", "1")
    done = home.runctl("transfer", "x", "s9://bucket/x")
    assert done.returncode == 110
    assert b"installed: file://" in done.stderr and b"pip install" in done.stderr


def test_doctor_says_which_stores_can_be_used(home: Home) -> None:
    shelf.in_home(home)
    broken = {"runctl.stores": {"broken": "Broken"}}
    distribution(home.root / "plugins", "broken-store", "raise SystemExit(3)", broken)
    done = home.runctl("doctor", "--json")
    checks = {row["name"]: row for row in json.loads(done.stdout)}
    assert (checks["store shelf://"]["verdict"], done.returncode) == ("ok", 109)
    assert checks["store broken://"]["verdict"] == "failed"
    assert "broken-store 2.5: it called sys.exit(3)" in checks["store broken://"]["detail"]


def test_a_file_whose_name_has_a_colon_is_no_run(home: Home) -> None:
    home.write("a:b", "1")
    assert home.runctl("transfer", "./a:b", "there/").returncode == 0
    assert (home.work / "there" / "a:b").read_text() == "1"
