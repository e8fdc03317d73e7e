"""`runctl checkpoint list` and `info` as a user sees them, with the formats that plugins bring."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable

import pytest

from core import checkpoint_files as files
from core import checkpoint_folders as folders
from distributions import FORMATS, distribution
from homes import Home
from terminals import Terminal

GGUF = """
from runctl_core.api import Format, Look, TensorTotals

def look(path):
    with open(path, "rb") as file:
        whole = file.read(4) == b"GGUF"
    return Look(whole, "" if whole else "no GGUF header", step=7, framework="llama.cpp",
                tensors=TensorTotals.of([("q4_0", 32, 18)]), details={"quantised": {1, 2}})

GGUF = Format("gguf", look, suffixes=(".gguf",), marks=("*.gguf.part*",))
"""
IN_A_CLASS = GGUF.replace("GGUF = Format(", "def GGUFS(): return Format(").replace(
    "def GGUFS(): return", "class GGUF:\n    def __new__(cls): return"
)
BROKEN = {
    "raises when it is imported": ("raise RuntimeError('no driver here')", "no driver here"),
    "is no format": ("GGUF = 'gguf'", "'gguf', not a Format"),
    "has another name": (GGUF.replace('"gguf"', '"other"'), "it calls itself other"),
    "has no suffix": (GGUF.replace('".gguf",', '"gguf",'), "'gguf' is no suffix"),
    "ends the program": ("import sys; sys.exit(3)", "sys.exit(3)"),
    "raises when it looks": (
        GGUF.replace("with open", "raise ValueError(path)\n    with open"),
        "ValueError",
    ),
    "ends the program when it looks": (GGUF.replace("with open", "exit(9)\n    with open"), "sys.exit(9)"),
    "says nothing": (GGUF.replace("return Look", "None and Look"), "None, not a Look"),
    "says what is no JSON": (GGUF.replace("{1, 2}", "float('nan')"), "not JSON compliant"),
}


def _install(home: Home, source: str, name: str = "gguf", by: str = "their-formats") -> None:
    distribution(home.work / "plugins", by, source, {FORMATS: {name: "GGUF"}})
    home.env["PYTHONPATH"] = str(home.work / "plugins")


def _two_files(home: Home) -> None:
    home.write("ckpt/step-1.pt", files.torch())
    home.write("ckpt/model.gguf", b"GGUF" + bytes(20))


@pytest.mark.parametrize("source", [GGUF, IN_A_CLASS], ids=["an object", "a class"])
def test_a_plugins_format_is_listed_described_and_printed(home: Home, source: str) -> None:
    _install(home, source)
    _two_files(home)
    rows = {row["format"]: row for row in home.json("checkpoint", "list", "ckpt")}
    assert set(rows) == {"gguf", "pytorch"}
    found = home.json("checkpoint", "info", "ckpt/model.gguf")
    assert (found["complete"], found["step"], found["framework"]) == (True, 7, "llama.cpp")
    assert (found["parameters"], found["dtype_bytes"]) == (32, {"q4_0": 18})


def test_a_plugins_format_claims_folders_by_their_marks(home: Home) -> None:
    _install(home, GGUF.replace("open(path", "open(path + '/a.gguf.part1'"))
    home.write("ckpt/step-9/a.gguf.part1", b"GGUF")
    (row,) = home.json("checkpoint", "list", "ckpt")
    assert (row["format"], row["complete"]) == ("gguf", True)


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_format_is_named_and_stops_nothing(home: Home, what: str) -> None:
    source, told = BROKEN[what]
    _install(home, source)
    _two_files(home)
    done = home.runctl("checkpoint", "list", "ckpt")
    assert done.returncode == 0, done.stderr.decode()
    assert b"step-1.pt\tpytorch\t1\t" in done.stdout, "a broken plugin hides the other checkpoints"
    assert "gguf (their-formats 2.5) cannot be used" in done.stderr.decode()
    assert told in done.stderr.decode()
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["pytorch", "gguf"])
def test_a_name_that_is_taken_is_nobodys(home: Home, name: str) -> None:
    _install(home, GGUF.replace('"gguf"', f'"{name}"'), name)
    _install(home, GGUF.replace('"gguf"', f'"{name}"'), name, by="others-formats")
    _two_files(home)
    done = home.runctl("checkpoint", "list", "ckpt")
    assert done.stdout.count(b"\n") == 1
    assert b"others-formats 2.5" in done.stderr


def test_doctor_checks_the_formats_of_plugins(home: Home) -> None:
    _install(home, GGUF)
    _install(home, "raise OSError('no disk')", "other", by="others-formats")
    done = home.runctl("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert checks["checkpoint format gguf"]["verdict"] == "ok"
    broken = checks["checkpoint format other"]
    assert (broken["verdict"], broken["detail"]) == ("failed", "others-formats 2.5: OSError: no disk")


def test_formats_of_plugins_are_not_imported_for_known_names(home: Home) -> None:
    _install(home, "open('imported', 'w')\n" + GGUF)
    home.write("ckpt/step-1.pt", files.torch())
    home.runctl("checkpoint", "list", "ckpt")
    assert not (home.work / "imported").exists(), "every list waits for plugins that it does not need"


def test_a_format_that_is_left_out_is_not_imported(home: Home) -> None:
    _install(home, "raise RuntimeError\n" + GGUF)
    _two_files(home)
    done = home.runctl("checkpoint", "list", "ckpt", env={"RUNCTL_PLUGINS": "none"})
    assert (done.stdout.count(b"\n"), done.stderr) == (1, b"")


def _many(home: Home, count: int) -> None:
    for number in range(count):
        path = home.write(f"ckpt/step-{number}.pt", files.torch())
        os.utime(path, (1000 + number,) * 2)


def test_a_terminal_shows_the_newest_and_says_how_many_more_there_are(home: Home) -> None:
    _many(home, 25)
    with Terminal(home, "checkpoint", "list", "ckpt") as terminal:
        assert terminal.status() == 0
    shown = [line for line in terminal.shown.splitlines() if line.startswith("step-")]
    assert (len(shown), shown[0].split()[0], shown[-1].split()[0]) == (20, "step-24.pt", "step-5.pt")
    assert "5 older: --limit 25" in terminal.shown


def test_a_pipe_gets_all_and_says_which_were_not_looked_into(home: Home) -> None:
    _many(home, 25)
    rows = home.runctl("checkpoint", "list", "ckpt").stdout.decode().splitlines()
    assert [row.split("\t")[-1] for row in rows] == ["yes"] * 20 + ["not looked into"] * 5
    assert [row["complete"] for row in home.json("checkpoint", "list", "ckpt")] == [True] * 20 + [None] * 5


def test_a_limit_looks_into_each_that_it_lists(home: Home) -> None:
    _many(home, 25)
    rows = home.json("checkpoint", "list", "ckpt", "--limit", "23")
    assert [row["complete"] for row in rows] == [True] * 23


def test_info_shows_a_person_what_is_in_it(home: Home) -> None:
    said = {"epoch": 3, "global_step": 1200, "pytorch-lightning_version": "2.4.0"}
    home.write("epoch=3-val_loss=0.25.ckpt", files.torch(files.torch_pickle(said)))
    with Terminal(home, "checkpoint", "info", "epoch=3-val_loss=0.25.ckpt") as terminal:
        assert terminal.status() == 0
    lines = [" ".join(line.split()) for line in terminal.shown.splitlines()]
    expected = ["written by lightning 2.4.0", "step 1200", "parameters 36", "val_loss 0.25", "whole yes"]
    assert not set(expected) - set(lines), lines
    assert lines[-3:] == ["TYPE SIZE", "float32 64 B", "bfloat16 40 B"]


def test_a_folder_that_is_itself_the_checkpoint_is_resumed_from_and_comes_home(home: Home) -> None:
    folders.folder(home.work / "saved", folders.distributed())
    home.write(
        "s.py",
        "import os, shutil\nprint(os.environ.get('RUNCTL_RESUME_FROM'))\n"
        "shutil.copytree('saved', os.environ['RUNCTL_CHECKPOINT_DIR'], dirs_exist_ok=True)",
    )
    run = home.json("train", "s.py")["run"]
    folder = home.json("status", run)["checkpoint_dir"]
    assert home.runctl("resume", run).stdout.decode() == f"{folder}\n"
    assert home.runctl("pull", run, "there").returncode == 0
    came = {path.name for path in (home.work / "there" / "checkpoints").iterdir()}
    assert came == set(folders.distributed())


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch it-ran",)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".bin", ".pkl", ".joblib"])
def test_no_command_runs_what_a_checkpoint_says(home: Home, suffix: str) -> None:
    bomb = pickle.dumps(Bomb())
    for name, content in {"plain": bomb, "zip": files.torch(bomb), "old": files.legacy_torch(bomb)}.items():
        home.write(f"ckpt/{name}{suffix}", content)
        assert home.runctl("checkpoint", "info", f"ckpt/{name}{suffix}").returncode == 0
    home.write("ckpt/step-5/.metadata", bomb)
    home.write("ckpt/step-5/__0_0.distcp", bomb)
    home.runctl("checkpoint", "info", "ckpt/step-5")
    home.runctl("checkpoint", "list", "ckpt")
    assert not (home.work / "it-ran").exists(), "a checkpoint's code ran on this computer"
    home.shell(f'python3 -c \'import pickle; pickle.load(open("ckpt/plain{suffix}", "rb"))\'')
    assert (home.work / "it-ran").exists(), "the test could not fail"
