"""What fuzzing found: names that lead to pipes, and metadata that says nothing where something should be."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from runctl_core.checkpoints import describe, find
from runctl_core.checkpoints.verdict import Verdict
from runctl_core.checkpoints.verify import verify

from . import checkpoint_files as files
from . import checkpoint_folders as folders

FOLDERS = {
    "deepspeed": folders.deepspeed(),
    "distributed": folders.distributed(),
    "orbax": folders.orbax(),
    "huggingface": {"model.safetensors": files.safetensors(), "optimizer.pt": files.torch(), "latest": b"x"},
}
PARTS = [(name, part) for name, members in FOLDERS.items() for part in members]


@pytest.mark.parametrize(("name", "part"), PARTS, ids=str)
def test_a_pipe_in_the_place_of_a_file_holds_nobody(tmp_path: Path, name: str, part: str) -> None:
    folder = folders.folder(tmp_path / "step-5", FOLDERS[name])
    (folder / part).unlink()
    os.mkfifo(folder / part)
    done: list[Verdict] = []

    def look() -> None:
        find(str(tmp_path))
        describe(str(folder))
        done.append(verify(str(folder)).verdict)

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(30)
    assert done, "a command waits for a pipe that nobody will ever write to"


def _described_with_each(tmp_path: Path, name: str, part: str, new: bytes) -> None:
    """With these bytes in the place of each byte of a file, one after the other."""
    folder = folders.folder(tmp_path / "step-5", FOLDERS[name])
    whole = FOLDERS[name][part]
    for at in range(len(whole)):
        (folder / part).write_bytes(whole[:at] + new + whole[at + 1 :])
        found = describe(str(folder))
        assert found.complete or found.problem, f"byte {at}"


@pytest.mark.parametrize("new", [b"NaN", b"N"], ids=str)
@pytest.mark.parametrize("part", [".metadata", "state/_METADATA", "_CHECKPOINT_METADATA"])
def test_metadata_may_have_anything_anywhere(tmp_path: Path, part: str, new: bytes) -> None:
    _described_with_each(tmp_path, "distributed" if part == ".metadata" else "orbax", part, new)
