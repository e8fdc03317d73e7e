"""A checkpoint in a store is held against its manifest there, to the last byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from runctl_core.checkpoints import manifest
from runctl_core.checkpoints.verdict import Evidence, Verdict
from runctl_core.errors import NotFound
from runctl_core.stores.opening import Place, open_url
from runctl_core.transfer.stored_verify import chosen, verify_stored

from . import checkpoint_files as files
from . import checkpoint_folders as folders


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder of a store with a checkpoint that is a file, one that is a folder, and neighbours."""
    for step in (1, 12):
        (tmp_path / f"step-{step}.npz").write_bytes(files.npz())
        manifest.write(str(tmp_path / f"step-{step}.npz"))
    manifest.write(str(folders.folder(tmp_path / "step-1", folders.orbax())))
    return tmp_path


def _place(shelf: Path, name: str) -> Place:
    return open_url(f"file://{shelf / name}")


def _found(shelf: Path, name: str, *, quick: bool = False) -> dict[str, str]:
    verified = verify_stored(_place(shelf, name), quick=quick, advance=lambda _: None)
    assert (verified.verdict is Verdict.GOOD) == (not verified.findings)
    return {finding.file: finding.what for finding in verified.findings}


@pytest.mark.parametrize("name", ["step-1.npz", "step-1"])
def test_what_is_as_it_was_recorded_is_good(shelf: Path, name: str) -> None:
    read: list[int] = []
    ((_, size_bytes),) = chosen(_place(shelf, name))
    verified = verify_stored(_place(shelf, name), quick=False, advance=read.append)
    assert (verified.verdict, verified.evidence) == (Verdict.GOOD, Evidence.HASHES)
    assert sum(read) == verified.read_bytes == size_bytes


def test_every_difference_is_named_at_once(shelf: Path) -> None:
    folder = shelf / "step-1"
    (folder / "state" / "d" / "0a1b").write_bytes(b"arroys")
    (folder / "commit_success.txt").unlink()
    (folder / "_CHECKPOINT_METADATA").write_bytes(b"{}")
    (folder / "new").write_bytes(b"")
    found = _found(shelf, "step-1")
    assert found.keys() == {"state/d/0a1b", "commit_success.txt", "_CHECKPOINT_METADATA", "new"}
    assert "SHA-256" in found["state/d/0a1b"]
    assert found["commit_success.txt"] == "missing"
    assert found["_CHECKPOINT_METADATA"].startswith("it should have ")
    assert found["new"] == "not in the manifest"


def test_a_quick_look_compares_sizes_and_says_so(shelf: Path) -> None:
    (shelf / "step-1" / "state" / "d" / "0a1b").write_bytes(b"arroys")
    assert _found(shelf, "step-1", quick=True) == {}
    verified = verify_stored(_place(shelf, "step-1"), quick=True, advance=lambda _: None)
    assert (verified.evidence, verified.read_bytes) == (Evidence.SIZES, 0)


def test_a_manifest_that_lies_is_named(shelf: Path) -> None:
    (shelf / "step-1.npz.manifest.json").write_bytes(
        b'{"version": 1, "files": [{"path": "../x", "size_bytes": 1, "sha256": "' + b"0" * 64 + b'"}]}'
    )
    assert list(_found(shelf, "step-1.npz")) == ["step-1.npz.manifest.json"]


def test_a_folder_stands_for_all_below_it(shelf: Path) -> None:
    names = {name.rpartition("/")[2] for name, _ in chosen(open_url(f"file://{shelf}"))}
    assert names == {"step-1.npz", "step-12.npz", "step-1"}


def test_what_has_no_manifest_does_not_exist(shelf: Path) -> None:
    (shelf / "step-9.npz").write_bytes(files.npz())
    with pytest.raises(NotFound):
        chosen(_place(shelf, "step-9.npz"))
