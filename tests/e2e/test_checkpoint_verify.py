"""`runctl checkpoint verify` as a user runs it: statuses, documents, progress, and Ctrl-C."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import schemas
from core import checkpoint_files as files
from homes import Home
from terminals import Terminal

DAMAGED = files.torch()[:-100]
UNKNOWN = b"\x78\x9c\x01\x02"


def _save(home: Home, name: str, content: bytes, at: int = 1000) -> Path:
    path = home.write(f"checkpoints/{name}", content)
    os.utime(path, (at, at))
    return path


def _verified(home: Home, *words: str, status: int = 0) -> Any:
    done = home.runctl("checkpoint", "verify", *words, "--json")
    assert done.returncode == status, done.stderr.decode()
    document = json.loads(done.stdout)
    schemas.check("checkpoint verify", document)
    return document


@pytest.mark.parametrize(
    ("contents", "status"),
    [
        ({"a.pt": files.torch(), "b.npz": files.npz()}, 0),
        ({"a.pt": files.torch(), "b.pt": DAMAGED}, 114),
        ({"a.pt": files.torch(), "b.joblib": UNKNOWN}, 115),
        ({"a.joblib": UNKNOWN, "b.pt": DAMAGED}, 114),
    ],
)
def test_the_status_tells_the_worst_verdict(home: Home, contents: dict[str, bytes], status: int) -> None:
    for name, content in contents.items():
        _save(home, name, content)
    verdicts = [row["verdict"] for row in _verified(home, "checkpoints", "--all", status=status)]
    assert len(verdicts) == len(contents)
    assert ("damaged" in verdicts, "unverifiable" in verdicts) == (
        status == 114,
        UNKNOWN in contents.values(),
    )


def test_of_a_folder_the_newest_is_verified(home: Home) -> None:
    _save(home, "step-1.pt", DAMAGED, 1000)
    newest = _save(home, "step-2.pt", files.torch(), 2000)
    (row,) = _verified(home, "checkpoints")
    assert row["path"] == str(newest)
    assert b"--all verifies each" in home.runctl("checkpoint", "verify", "checkpoints").stderr


def test_of_a_run_its_checkpoints_are_verified(home: Home) -> None:
    home.write(
        "s.py",
        "import os, pickle\n"
        "for step in (1, 2):\n"
        "    with open(os.environ['RUNCTL_CHECKPOINT_DIR'] + f'/step-{step}.pkl', 'wb') as file:\n"
        "        pickle.dump(step, file)\n",
    )
    home.runctl("train", "s.py")
    rows = _verified(home, "latest", "--all")
    assert [row["verdict"] for row in rows] == ["good", "good"]


def test_what_was_recorded_is_held_against_each_bit(home: Home) -> None:
    path = _save(home, "a.safetensors", files.safetensors())
    (row,) = _verified(home, str(path), "--record")
    assert (row["evidence"], row["recorded"]) == ("format", True)
    (row,) = _verified(home, str(path), "--record")
    assert (row["evidence"], row["recorded"]) == ("hashes", False)
    path.write_bytes(files.safetensors()[:-1] + b"\xff")
    (row,) = _verified(home, str(path), status=114)
    assert "SHA-256" in row["findings"][0]["what"]
    (row,) = _verified(home, str(path), "--quick")
    assert row["evidence"] == "sizes", "a quick look must say that it did not look at the hashes"


def test_a_store_is_verified_by_its_manifests(home: Home) -> None:
    for step in (1, 2):
        _save(home, f"step-{step}.pt", files.torch(), 1000 * step)
    home.runctl("checkpoint", "verify", "checkpoints", "--all", "--record")
    url = f"file://{home.work}/checkpoints"
    rows = _verified(home, url, "--all")
    assert [(row["verdict"], row["evidence"]) for row in rows] == [("good", "hashes")] * 2
    path = home.work / "checkpoints" / "step-1.pt"
    path.write_bytes(path.read_bytes().replace(b"little", b"lottle"))
    (row,) = _verified(home, f"{url}/step-1.pt", status=114)
    assert row["path"] == f"{url}/step-1.pt"
    assert home.runctl("checkpoint", "verify", url, "--record").returncode == 101


def test_what_cannot_be_done_is_refused(home: Home) -> None:
    _save(home, "a.pt", files.torch())
    (home.work / "empty").mkdir()
    for words, status in (
        (("checkpoints", "--quick", "--record"), 101),
        (("empty",), 103),
        (("no/such/folder",), 103),
        (("s.py",), 103),
    ):
        done = home.runctl("checkpoint", "verify", *words)
        assert done.returncode == status, (words, done.stderr)
        assert done.stdout == b""
        assert b"fix: " in done.stderr


def test_any_name_is_one_line(home: Home) -> None:
    _save(home, "step-1\nrm -rf.pt", DAMAGED)
    done = home.runctl("checkpoint", "verify", "checkpoints")
    assert (done.returncode, done.stdout.count(b"\n"), done.stderr.count(b"\n")) == (114, 1, 1)


def _large(home: Home, name: str, size_bytes: int) -> None:
    """Of that size, and mostly a hole."""
    header = b'{"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (size_bytes, size_bytes)
    path = _save(home, name, files.with_header(header))
    os.truncate(path, 8 + len(header) + size_bytes)


@pytest.mark.parametrize("names", [["a.safetensors"], ["a/model.safetensors", "a/adapter_model.safetensors"]])
def test_a_long_read_shows_its_rate_and_its_end_and_ctrl_c_leaves_nothing(
    home: Home, names: list[str]
) -> None:
    for name in names:
        _large(home, name, 40 << 30)
    (made,) = os.listdir(home.work / "checkpoints")
    with Terminal(home, "checkpoint", "verify", f"checkpoints/{made}", "--record") as terminal:
        terminal.until("% of ")
        terminal.until("B/s, ")
        terminal.until(" left")
        terminal.press("\x03")
        assert terminal.status() == 130
    assert os.listdir(home.work / "checkpoints") == [made], "half a manifest is left"


def test_a_folder_elsewhere_is_said_once_and_each_row_is_short(home: Home) -> None:
    elsewhere = home.root / "elsewhere"
    elsewhere.mkdir()
    for step in (1, 2):
        (elsewhere / f"step-{step}.npz").write_bytes(files.npz())
    with Terminal(home, "checkpoint", "verify", str(elsewhere), "--all") as terminal:
        assert terminal.status() == 0
    assert terminal.shown.count(f"in {elsewhere}\n") == 1, "nobody can tell where they are"
    rows = [line for line in terminal.shown.splitlines() if "good" in line]
    assert {row.split()[0] for row in rows} == {"step-1.npz", "step-2.npz"}
