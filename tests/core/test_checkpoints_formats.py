"""What is called whole is whole, what is damaged is described, and nothing in it is ever run."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_core.checkpoints import describe, find, newest_complete
from runctl_core.models.checkpoints import TensorTotals

from . import checkpoint_files as files
from .verifying import in_one_folder

VERIFIED: dict[str, Callable[[], bytes]] = {
    "step-3.pt": files.torch,
    "last.ckpt": files.torch,
    "step-3.npz": files.npz,
    "step-3.keras": files.keras,
    "step-3.safetensors": files.safetensors,
    "step-3.h5": files.hdf5,
    "step-3.pth": files.legacy_torch,
}
UNVERIFIED: dict[str, Callable[[], bytes]] = {
    "step-3.pkl": files.pickled,
    "step-3.joblib": files.pickled,
}
FORMATS = {
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".ckpt": "pytorch",
    ".npz": "npz",
    ".keras": "keras",
    ".safetensors": "safetensors",
    ".h5": "hdf5",
    ".pkl": "pickle",
    ".joblib": "pickle",
}


def _file(folder: Path, name: str, content: bytes) -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("name", VERIFIED)
def test_a_whole_file_is_whole(tmp_path: Path, name: str) -> None:
    found = describe(_file(tmp_path, name, VERIFIED[name]()))
    assert (found.complete, found.problem) == (True, "")
    assert found.format == FORMATS[os.path.splitext(name)[1]]
    assert found.size_bytes == len(VERIFIED[name]())


@pytest.mark.parametrize("name", VERIFIED)
def test_no_beginning_of_a_file_is_taken_for_the_whole(tmp_path: Path, name: str) -> None:
    whole = VERIFIED[name]()
    path = _file(tmp_path, name, whole)
    for size in range(len(whole) - 1, -1, -1):
        os.truncate(path, size)
        found = describe(path)
        assert not found.complete, f"{size} of {len(whole)} bytes are taken for a checkpoint"
        assert found.problem


@pytest.mark.parametrize("name", UNVERIFIED)
def test_what_cannot_be_verified_is_said(tmp_path: Path, name: str) -> None:
    found = describe(_file(tmp_path, name, UNVERIFIED[name]()))
    assert found.complete
    assert found.problem.startswith("not verified: ")
    assert found.format == FORMATS[os.path.splitext(name)[1]]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("content", [b"", b"\0", bytes(5000)])
def test_an_empty_file_and_one_of_zeros_are_not_whole(tmp_path: Path, suffix: str, content: bytes) -> None:
    assert not describe(_file(tmp_path, f"step-1{suffix}", content)).complete


def test_a_pickle_that_lacks_its_end_is_not_whole(tmp_path: Path) -> None:
    found = describe(_file(tmp_path, "step-3.pkl", files.pickled()[:-1]))
    assert (found.complete, "cut short" in found.problem) == (False, True)


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_every_version_of_hdf5_tells_its_length(tmp_path: Path, version: int) -> None:
    assert describe(_file(tmp_path, "a.h5", files.hdf5(version))).complete
    assert not describe(_file(tmp_path, "a.h5", files.hdf5(version)[:-1])).complete


def test_an_archive_inside_of_a_cut_one_is_not_taken_for_it(tmp_path: Path) -> None:
    inner = files.zipped({"config.json": b"{}"})
    outer = files.zipped({"config.json": b"{}", "backup.zip": inner, "more": bytes(100)})
    cut = outer[: outer.index(inner) + len(inner)]
    assert describe(_file(tmp_path, "a.keras", outer)).complete
    assert not describe(_file(tmp_path, "a.keras", cut)).complete


def test_an_archive_with_very_many_tensors_is_read(tmp_path: Path) -> None:
    many = files.zipped({f"{number}.npy": b"" for number in range(70_000)})
    found = describe(_file(tmp_path, "a.npz", many))
    assert found.complete
    assert found.tensors is not None
    assert found.tensors.count == 70_000
    assert not describe(_file(tmp_path, "b.npz", many[:-30])).complete


def test_a_zip_bomb_is_a_list_of_names(tmp_path: Path) -> None:
    bomb = files.zipped({"w.npy": bytes(50_000_000)}, zipfile.ZIP_DEFLATED)
    path = _file(tmp_path, "bomb.npz", bomb)
    _in_small_memory(lambda: describe(path))
    assert describe(path).size_bytes < 100_000


def _in_small_memory(act: Callable[[], object]) -> None:
    """Do it in a process that may take little memory more than it has."""
    child = os.fork()
    if child == 0:
        import resource

        has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (has + (32 << 20),) * 2)
        act()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, "it needs more memory than a checkpoint's header has"


@pytest.mark.parametrize("claimed", [25, 1 << 20, 1 << 30, 1 << 40, (1 << 64) - 1])
def test_a_header_that_claims_too_much_is_not_read(tmp_path: Path, claimed: int) -> None:
    small = _file(tmp_path, "small.safetensors", claimed.to_bytes(8, "little") + b"{}")
    large = _file(tmp_path, "large.safetensors", claimed.to_bytes(8, "little"))
    os.truncate(large, 1 << 34)
    for path in (small, large):
        _in_small_memory(lambda path=path: describe(path))
        assert not describe(path).complete


def test_a_zip_directory_that_claims_gigabytes_is_not_read(tmp_path: Path) -> None:
    data = files.torch()
    end = bytearray(data[-22:])
    end[12:16] = (1 << 31).to_bytes(4, "little")
    path = _file(tmp_path, "a.pt", data[:-22])
    with open(path, "r+b") as file:
        file.truncate(1 << 32)
        file.seek(0, os.SEEK_END)
        file.write(end)
    _in_small_memory(lambda: describe(path))
    assert not describe(path).complete


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle", ".joblib", ".npz"])
@pytest.mark.parametrize("zipped", [False, True])
def test_no_pickle_is_ever_opened(tmp_path: Path, suffix: str, zipped: bool) -> None:
    mark = tmp_path / "it ran"
    bomb = files.bomb(mark)
    path = _file(tmp_path, f"step-1{suffix}", files.torch(bomb) if zipped else bomb)
    describe(path)
    find(str(tmp_path))
    newest_complete(str(tmp_path))
    assert not mark.exists(), "a checkpoint's code ran on this computer"
    pickle.loads(bomb)  # noqa: S301  the test must be able to fail
    assert mark.exists()


@in_one_folder
@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=400))
def test_any_bytes_are_described(tmp_path: Path, suffix: str, content: bytes) -> None:
    assert describe(_file(tmp_path, f"x{suffix}", content)).size_bytes == len(content)


@in_one_folder
@given(st.sampled_from(sorted(VERIFIED)), st.data())
def test_any_damage_is_described(tmp_path: Path, name: str, data: st.DataObject) -> None:
    content = bytearray(VERIFIED[name]())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[at] = data.draw(st.integers(0, 255))
    found = describe(_file(tmp_path, name, bytes(content)))
    assert found.complete or found.problem


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
NUMBERS = JSON | st.just(10**400) | st.just(float("inf")) | st.just("9" * 5000)


@in_one_folder
@given(
    st.dictionaries(
        st.sampled_from(["w", "__metadata__"]),
        JSON
        | st.fixed_dictionaries(
            {"data_offsets": st.lists(NUMBERS, max_size=3), "step": NUMBERS, "global_step": NUMBERS}
        ),
    )
)
def test_any_header_is_described(tmp_path: Path, header: dict[str, object]) -> None:
    content = files.with_header(json.dumps(header).encode())
    _is_json(describe(_file(tmp_path, "x.safetensors", content)))


def test_a_header_without_a_bottom_is_described(tmp_path: Path) -> None:
    content = files.with_header(b'{"a":' + b"[" * 100_000)
    assert not describe(_file(tmp_path, "x.safetensors", content)).complete


@in_one_folder
@given(NUMBERS, NUMBERS, NUMBERS)
def test_any_trainer_state_is_described(tmp_path: Path, step: object, epoch: object, best: object) -> None:
    (tmp_path / "model.safetensors").write_bytes(files.safetensors())
    state = {"global_step": step, "epoch": epoch, "best_metric": best}
    (tmp_path / "trainer_state.json").write_text(json.dumps(state))
    _is_json(describe(str(tmp_path)))


def _is_json(found: object) -> None:
    """Strict JSON has no infinity, and `--json` promises JSON."""
    values = [getattr(found, name) for name in ("step", "epoch", "metrics", "details", "problem")]
    json.dumps([dict(v) if hasattr(v, "keys") else v for v in values], allow_nan=False)


def test_metadata_tells_the_step(tmp_path: Path) -> None:
    found = describe(_file(tmp_path, "a.safetensors", files.safetensors({"global_step": "120"})))
    assert (found.step, found.framework) == (120, "")
    assert found.tensors == TensorTotals(2, 6, {"float32": 24})
