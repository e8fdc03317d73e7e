"""A checkpoint is called good only when all that its format can tell is in order, and the place is named."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_core.checkpoints import manifest
from runctl_core.checkpoints.verdict import Evidence, Finding, Verdict, Verification
from runctl_core.checkpoints.verify import bytes_to_read, record, verify
from runctl_core.errors import NotFound

from . import checkpoint_files as files
from .verifying import changed, in_one_folder, one_finding, saved

WHOLE: dict[str, Callable[[], bytes]] = {
    "step-3.pt": files.torch,
    "step-3.pth": files.legacy_torch,
    "last.ckpt": files.torch,
    "step-3.npz": files.npz,
    "step-3.keras": files.keras,
    "step-3.safetensors": files.safetensors,
    "step-3.h5": files.hdf5,
    "step-3.pkl": files.pickled,
}


def _sharded(folder: Path) -> Path:
    shards = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    saved(folder, f"step-5/{shards[0]}", _shard("a", "b"))
    saved(folder, f"step-5/{shards[1]}", _shard("c"))
    index = {"weight_map": {"a": shards[0], "b": shards[0], "c": shards[1]}}
    saved(folder, "step-5/model.safetensors.index.json", json.dumps(index).encode())
    return folder / "step-5"


def _shard(*names: str) -> bytes:
    rows = {
        name: {"dtype": "U8", "shape": [4], "data_offsets": [4 * at, 4 * at + 4]}
        for at, name in enumerate(names)
    }
    return files.with_header(json.dumps(rows).encode()) + bytes(4 * len(names))


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_is_good(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path, name, WHOLE[name]())
    verified = verify(path)
    assert (verified.verdict, verified.evidence, verified.findings) == (Verdict.GOOD, Evidence.FORMAT, ())
    assert verified.path == path


@pytest.mark.parametrize("name", WHOLE)
def test_no_beginning_of_a_file_is_good(tmp_path: Path, name: str) -> None:
    whole = WHOLE[name]()
    path = saved(tmp_path, name, whole)
    for size in range(len(whole) - 1, -1, -1):
        os.truncate(path, size)
        verdict = verify(path).verdict
        assert verdict is not Verdict.GOOD, f"{size} of {len(whole)} bytes are called a good checkpoint"


def test_shards_that_lack_what_the_index_says_are_damaged(tmp_path: Path) -> None:
    folder = _sharded(tmp_path)
    assert verify(str(folder)).verdict is Verdict.GOOD
    saved(folder, "model-00002-of-00002.safetensors", _shard("x"))
    found = one_finding(folder)
    assert found.file == "model-00002-of-00002.safetensors"
    assert "says that c is in it" in found.what


def test_a_shard_that_is_missing_is_damage_and_one_that_is_elsewhere_is_not_followed(tmp_path: Path) -> None:
    folder = _sharded(tmp_path)
    (folder / "model-00002-of-00002.safetensors").rename(tmp_path / "elsewhere.safetensors")
    assert verify(str(folder)).verdict is Verdict.DAMAGED
    (folder / "model-00002-of-00002.safetensors").symlink_to("../elsewhere.safetensors")
    verified = verify(str(folder))
    assert verified.verdict is Verdict.UNVERIFIABLE
    assert "out of the checkpoint" in verified.findings[0].what


def test_damage_in_a_folder_names_the_file_and_its_member(tmp_path: Path) -> None:
    saved(tmp_path, "checkpoint-5/model.safetensors", files.safetensors())
    saved(tmp_path, "checkpoint-5/optimizer.pt", changed(files.torch(), bytes(range(64))))
    found = one_finding(tmp_path / "checkpoint-5")
    assert (found.file, found.where) == ("optimizer.pt", "member archive/data/0")
    os.truncate(tmp_path / "checkpoint-5" / "model.safetensors", 20)
    files_found = {finding.file for finding in verify(str(tmp_path / "checkpoint-5")).findings}
    assert files_found == {"model.safetensors", "optimizer.pt"}


@pytest.mark.parametrize("name", WHOLE)
def test_a_quick_look_reads_headers_only(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path, name, WHOLE[name]())
    verified = verify(path, quick=True)
    assert (verified.evidence, verified.read_bytes, bytes_to_read(path, quick=True)) == (
        Evidence.HEADERS,
        0,
        0,
    )
    assert verified.verdict is (Verdict.UNVERIFIABLE if name.endswith(".pkl") else Verdict.GOOD)
    os.truncate(path, os.path.getsize(path) - 1)
    assert verify(path, quick=True).verdict is Verdict.DAMAGED


def test_what_is_read_is_announced(tmp_path: Path) -> None:
    for name, make in WHOLE.items():
        path = saved(tmp_path, name, make())
        for recorded in (False, True):
            read: list[int] = []
            verified = verify(path, advance=read.append)
            assert sum(read) == verified.read_bytes <= bytes_to_read(path)
            if recorded:
                assert verified.read_bytes == bytes_to_read(path) == os.path.getsize(path)
            else:
                assert record(verified)


def test_a_manifest_decides_where_there_is_one(tmp_path: Path) -> None:
    path = saved(tmp_path, "a.safetensors", files.safetensors())
    assert record(verify(path))
    assert verify(path).evidence is Evidence.HASHES
    saved(tmp_path, "a.safetensors", files.safetensors()[:-1] + b"\xff")
    assert verify(path).verdict is Verdict.DAMAGED
    assert verify(path, quick=True).evidence is Evidence.SIZES


def test_nothing_is_recorded_of_what_is_not_good_or_has_a_manifest(tmp_path: Path) -> None:
    damaged = saved(tmp_path, "a.pt", changed(files.torch(), bytes(range(64))))
    unknown = saved(tmp_path, "b.joblib", b"\x78\x9c\x01\x02")
    good = saved(tmp_path, "c.pt", files.torch())
    manifest.write(good)
    assert not any(record(verify(path)) for path in (damaged, unknown, good))
    assert sorted(os.listdir(tmp_path)) == ["a.pt", "b.joblib", "c.pt", "c.pt.manifest.json"]


def test_what_is_no_checkpoint_is_not_found(tmp_path: Path) -> None:
    for place in (tmp_path / "nothing.pt", tmp_path):
        with pytest.raises(NotFound):
            verify(str(place))
    saved(tmp_path, "notes.txt", b"hello")
    with pytest.raises(NotFound):
        verify(str(tmp_path / "notes.txt"))


def test_a_verdict_is_good_only_without_a_finding() -> None:
    def of(*damage: bool) -> Verdict:
        found = tuple(Finding(".", "what", damage=one) for one in damage)
        return Verification("/a", Evidence.FORMAT, found).verdict

    assert [of(), of(False), of(True), of(False, True)] == ["good", "unverifiable", "damaged", "damaged"]


MEMORY = """
import sys
from runctl_core.checkpoints.verify import verify
print(verify(sys.argv[1]).verdict)
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.parametrize("name", ["a.npz", "a.pkl", "a.pt"])
def test_large_files_are_verified_in_little_memory(tmp_path: Path, name: str) -> None:
    value = bytes(120_000_000)
    content = {
        "a.npz": lambda: files.zipped({"w.npy": value}, zipfile.ZIP_DEFLATED),
        "a.pkl": lambda: pickle.dumps([value, 1]),
        "a.pt": lambda: files.torch(value),
    }[name]()
    path = saved(tmp_path, name, content)
    done = subprocess.run([sys.executable, "-c", MEMORY, path], capture_output=True, text=True, check=True)
    verdict, peak_kb = done.stdout.split()
    os.unlink(path)
    assert (verdict, int(peak_kb) < 50_000) == ("good", True), f"{peak_kb} kB were taken"


@in_one_folder
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_any_damage_is_judged(tmp_path: Path, name: str, data: st.DataObject) -> None:
    content = bytearray(WHOLE[name]())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[at] = data.draw(st.integers(0, 255))
    verified = verify(saved(tmp_path, name, bytes(content)))
    assert (verified.verdict is Verdict.GOOD) == (not verified.findings)
