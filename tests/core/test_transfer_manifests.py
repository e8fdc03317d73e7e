"""Checkpoints in a transfer: their manifest comes along, comes last, and never without all the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import shelf
from runctl_core.checkpoints import manifest
from runctl_core.errors import StateError
from runctl_core.stores.opening import open_url
from runctl_core.transfer import Prepared, Where, Workers, carry, prepare, routes
from runctl_core.transfer.stored import stored_checkpoints

from . import checkpoint_files as files


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A folder with a checkpoint of several files, and its manifest."""
    folder = tmp_path / "saved"
    (folder / "checkpoint-5").mkdir(parents=True)
    for n in range(3):
        (folder / "checkpoint-5" / f"m-{n}.safetensors").write_bytes(files.safetensors())
    manifest.write(str(folder / "checkpoint-5"))
    return folder


def look(source: Where, target: Where) -> list[Prepared]:
    ways = routes(source, target, "key", into=False)
    return [prepare(way.source, way.target, Workers(1), rename=way.rename) for way in ways]


def transfer(source: Where, target: Where) -> list[Prepared]:
    return carry(look(source, target), Workers(1), progress=lambda _: None)


def test_the_manifest_beside_a_checkpoint_comes_along_under_its_name(saved: Path, tmp_path: Path) -> None:
    transfer(str(saved / "checkpoint-5"), str(tmp_path / "kept"))
    assert manifest.check(str(tmp_path / "kept")).verdict == "good"
    transfer(str(saved / "checkpoint-5" / "m-0.safetensors"), str(tmp_path / "one"))
    assert not (tmp_path / "one.manifest.json").exists()


def test_it_comes_along_to_a_store_and_back(saved: Path, tmp_path: Path, shelves: shelf.ShelfFolder) -> None:
    transfer(str(saved / "checkpoint-5"), open_url("shelf://red/x/best"))
    (found,) = stored_checkpoints(open_url("shelf://red"))
    assert (found.path, found.complete) == ("shelf://red/x/best", True)
    transfer(open_url("shelf://red/x/best"), str(tmp_path / "back"))
    assert manifest.check(str(tmp_path / "back")).verdict == "good"


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_checkpoint_that_is_not_all_there_has_no_manifest_there(
    saved: Path, shelves: shelf.ShelfFolder, after: int
) -> None:
    prepared = look(str(saved), open_url("shelf://red/x"))
    pieces: list[int] = []

    def progress(size_bytes: int) -> None:
        pieces.append(size_bytes)
        if len(pieces) == after + 1:
            shelves.order("full")

    with pytest.raises(StateError):
        carry(prepared, Workers(1), progress=progress)
    assert stored_checkpoints(open_url("shelf://red")) == [], "a store shows a checkpoint that is not whole"
    transfer(str(saved), open_url("shelf://red/x"))
    assert [found.complete for found in stored_checkpoints(open_url("shelf://red"))] == [True]


def test_a_checkpoint_of_which_a_file_vanished_gets_no_manifest(saved: Path, tmp_path: Path) -> None:
    prepared = look(str(saved), str(tmp_path / "there"))
    (saved / "checkpoint-5" / "m-1.safetensors").unlink()
    (done,) = carry(prepared, Workers(1), progress=lambda _: None)
    assert sorted(path.name for path in (tmp_path / "there").rglob("*.*")) == [
        "m-0.safetensors",
        "m-2.safetensors",
    ]
    assert done.left_out == (
        "checkpoint-5/m-1.safetensors: deleted meanwhile",
        "checkpoint-5.manifest.json: its checkpoint is not all there",
    )


def test_a_manifest_that_is_replaced_goes_before_what_it_speaks_of(
    saved: Path, tmp_path: Path, shelves: shelf.ShelfFolder
) -> None:
    transfer(str(saved), open_url("shelf://red"))
    (saved / "checkpoint-5" / "m-1.safetensors").write_bytes(files.safetensors({"step": "6"}))
    manifest.write(str(saved / "checkpoint-5"))
    prepared = look(str(saved), open_url("shelf://red"))
    shelves.order("full")
    with pytest.raises(StateError):
        carry(prepared, Workers(1), progress=lambda _: None)
    assert stored_checkpoints(open_url("shelf://red")) == [], "an old manifest vouches for new files"


def test_a_manifest_that_comes_in_pieces_is_read_to_its_end(shelves: shelf.ShelfFolder) -> None:
    rows = [{"path": f"shard-{n}.bin", "size_bytes": 1, "sha256": "0" * 64} for n in range(3000)]
    (shelves.root / "red").mkdir()
    path = shelves.root / "red" / "checkpoint-1.manifest.json"
    path.write_text(json.dumps({"version": 1, "files": rows}))
    shelves.order("break", 2)
    (found,) = stored_checkpoints(open_url("shelf://red"))
    assert shelves.came("break")
    assert (found.size_bytes, found.problem.partition(":")[0]) == (3000, "missing")
