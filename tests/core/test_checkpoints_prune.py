"""Removing checkpoints: whatever the moment of a kill, one is whole or gone, and never less than it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runctl_core.checkpoints import describe, find, manifest
from runctl_core.checkpoints.prune import PREFIX, look, remove, settle
from runctl_core.errors import StateError

from . import checkpoint_files as files

_DIES_AT = """
import os, sys
from runctl_core.checkpoints import describe
from runctl_core.checkpoints.prune import remove
folder, name, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
checkpoint = describe(os.path.join(folder, name))
events = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "open", "shutil.rmtree"}
count = 0
def hook(event, args):
    global count
    if event in events:
        count += 1
        if count > last:
            os._exit(9)
sys.addaudithook(hook)
remove(checkpoint)
"""


def _save(path: Path, at: float = 1000.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(files.npz())
    os.utime(path, (at, at))
    return path


def _sharded(folder: Path) -> Path:
    folder.mkdir()
    index = '{"weight_map": {"w0": "a-1-of-2.safetensors", "w1": "a-2-of-2.safetensors"}}'
    (folder / "model.safetensors.index.json").write_text(index)
    for n in (1, 2):
        (folder / f"a-{n}-of-2.safetensors").write_bytes(files.safetensors())
    return folder


def _is_whole(path: Path) -> bool:
    return describe(str(path)).complete and manifest.check(str(path)).verdict == "good"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_killed_at_any_step_it_is_whole_with_its_manifest_or_gone_and_the_next_prune_settles(
    tmp_path: Path, kind: str
) -> None:
    states = set()
    for last in range(100):
        folder = tmp_path / str(last)
        folder.mkdir()
        path = _save(folder / "step-1.npz") if kind == "file" else _sharded(folder / "checkpoint-1")
        manifest.write(str(path))
        keep = _save(folder / "step-2.npz", 2000)
        died = subprocess.run(
            [sys.executable, "-c", _DIES_AT, str(folder), path.name, str(last)], check=False
        )
        told = f"killed after step {last}: {sorted(os.listdir(folder))}"
        if path.exists():
            assert _is_whole(path), f"less than it was, {told}"
        assert {c.path for c in find(str(folder))} <= {str(path), str(keep)}, f"seen by halves, {told}"
        states.add(path.exists())
        settle(str(folder))
        left = {path.name, f"{path.name}.manifest.json"} if path.exists() else set()
        assert set(os.listdir(folder)) == {keep.name, *left}, f"left over, {told}"
        assert not path.exists() or _is_whole(path)
        if died.returncode == 0:
            break
    assert died.returncode == 0, "it never came to its end"
    assert states == {True, False}


def test_a_new_checkpoint_of_the_same_name_keeps_its_own_manifest(tmp_path: Path) -> None:
    path = _save(tmp_path / "step-1.npz")
    grave = tmp_path / f"{PREFIX}0123"
    grave.mkdir()
    (grave / "name").write_text(path.name)
    path.rename(grave / "data")
    _save(path, 2000)
    manifest.write(str(path))
    assert settle(str(tmp_path)) == 1
    assert sorted(os.listdir(tmp_path)) == ["step-1.npz", "step-1.npz.manifest.json"]
    assert _is_whole(path), "the new checkpoint lost its manifest to the old one"


def test_an_old_manifest_does_not_stay_to_spoil_a_new_checkpoint(tmp_path: Path) -> None:
    path = _save(tmp_path / "step-1.npz")
    manifest.write(str(path))
    grave = tmp_path / f"{PREFIX}0123"
    grave.mkdir()
    (grave / "name").write_text(path.name)
    path.rename(grave / "data")
    path.write_bytes(files.torch())
    settle(str(tmp_path))
    assert os.listdir(tmp_path) == ["step-1.npz"], "a new checkpoint would be called damaged"


@pytest.mark.parametrize("name", ["", "..", "../other"])
def test_a_leftover_without_a_name_takes_no_other_manifest_with_it(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "c"
    (folder / f"{PREFIX}0123" / "data").mkdir(parents=True)
    for other in ("c.manifest.json", "other.manifest.json"):
        (tmp_path / other).write_text("{}")
    (folder / f"{PREFIX}0123" / "name").write_text(name)
    settle(str(folder))
    assert sorted(os.listdir(tmp_path)) == ["c", "c.manifest.json", "other.manifest.json"]
    assert os.listdir(folder) == []


def test_leftovers_are_settled_where_checkpoints_are_found(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "version_0"):
        (folder / f"{PREFIX}ab").mkdir(parents=True)
        (folder / f"{PREFIX}ab" / "name").write_text("step-1.npz")
    assert settle(str(tmp_path)) == 2
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_link_is_no_checkpoint_of_its_own_and_pins_what_it_leads_to(tmp_path: Path) -> None:
    path = _save(tmp_path / "step-1.npz")
    (tmp_path / "best.npz").symlink_to(path.name)
    found = look(str(tmp_path))
    assert [c.path for c in found.checkpoints] == [str(path)]
    assert found.pinned == {str(path): "the link best.npz leads to it"}


@pytest.mark.parametrize("looked_at", [".", "out"])
def test_a_folder_that_is_one_checkpoint_and_holds_others_is_pinned(tmp_path: Path, looked_at: str) -> None:
    _sharded(tmp_path / "out")
    _sharded(tmp_path / "out" / "checkpoint-1")
    found = look(str(tmp_path / looked_at))
    assert str(tmp_path / "out") in [c.path for c in found.checkpoints]
    assert str(tmp_path / "out") in found.pinned, "every checkpoint in it would go with it"


def test_what_deepspeeds_file_names_is_pinned(tmp_path: Path) -> None:
    (tmp_path / "latest").write_text("checkpoint-1\n")
    path = _sharded(tmp_path / "checkpoint-1")
    assert look(str(tmp_path)).pinned == {str(path): "the file latest names it"}


def test_the_newest_good_one_is_one_that_its_manifest_agrees_with(tmp_path: Path) -> None:
    old = _save(tmp_path / "step-1.npz", 1000)
    new = _save(tmp_path / "step-2.npz", 2000)
    manifest.write(str(new))
    data = bytearray(new.read_bytes())
    data[len(data) // 2] ^= 1
    new.write_bytes(data)
    os.utime(new, (2000, 2000))
    good = look(str(tmp_path)).newest_good
    assert good is not None
    assert good.path == str(old), "the only good checkpoint could be deleted"


def test_a_checkpoint_that_cannot_be_deleted_stays_whole(tmp_path: Path) -> None:
    folder = tmp_path
    while len(str(folder)) < 4070:  # so long a path that the hidden folder's name is too much
        folder /= "d" * min(200, 4071 - len(str(folder)))
    checkpoint = describe(str(_save(folder / "step-1.npz")))
    with pytest.raises(StateError) as raised:
        remove(checkpoint)
    assert os.listdir(folder) == ["step-1.npz"]
    assert describe(checkpoint.path).complete
    assert "prune again" in raised.value.fix


def test_one_that_its_own_trainer_deleted_is_no_error(tmp_path: Path) -> None:
    checkpoint = describe(str(_save(tmp_path / "step-1.npz")))
    (tmp_path / "step-1.npz").unlink()
    remove(checkpoint)
    assert os.listdir(tmp_path) == []


def test_what_only_has_the_name_of_a_leftover_stops_no_prune(tmp_path: Path) -> None:
    elsewhere = _save(tmp_path / "elsewhere" / "step-1.npz")
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / f"{PREFIX}link").symlink_to(elsewhere.parent)
    (folder / f"{PREFIX}file").write_text("mine")
    assert settle(str(folder)) == 0
    assert elsewhere.exists()
    assert len(os.listdir(folder)) == 2


def test_a_checkpoint_that_was_written_anew_meanwhile_stays(tmp_path: Path) -> None:
    path = _save(tmp_path / "last.npz")
    old = describe(str(path))
    _save(path, 2000)
    manifest.write(str(path))
    assert not remove(old)
    assert _is_whole(path), "the newest checkpoint went in the place of an old one of its name"
    assert sorted(os.listdir(tmp_path)) == ["last.npz", "last.npz.manifest.json"]


def test_what_its_trainer_deleted_first_is_no_failure(tmp_path: Path) -> None:
    path = _save(tmp_path / "sub" / "step-1.npz")
    gone = describe(str(path))
    path.unlink()
    assert not remove(gone)
    path.parent.rmdir()
    assert not remove(gone)
