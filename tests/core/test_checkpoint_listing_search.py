"""A listing tells what names and directory entries tell, and opens the newest ones only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_core.checkpoints import describe, listing, newest_complete, scan
from runctl_core.checkpoints.formats.opaque import PICKLE
from runctl_core.checkpoints.naming import numbers

from . import checkpoint_files as files
from .opened_files import files_opened


def _bytes_read() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])


def _save(folder: Path, count: int, content: bytes, suffix: str = ".safetensors") -> None:
    for number in range(count):
        path = folder / f"epoch=1-step={number}-val_loss=0.5{suffix}"
        path.write_bytes(content)
        os.utime(path, (1000 + number,) * 2)


def _large(folder: Path) -> None:
    """Files of 40 GB each, of which only headers and ends are on the disk."""
    size = 40 << 30
    header = b'{"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (size, size)
    for number in range(3):
        path = folder / f"step-{number}.safetensors"
        path.write_bytes(files.with_header(header))
        os.truncate(path, size + 8 + len(header))


def test_only_the_newest_are_opened(tmp_path: Path) -> None:
    _save(tmp_path, 100, files.safetensors())
    with files_opened() as opened:
        found = list(listing(str(tmp_path), look_into=5))
    assert opened == [str(tmp_path), *(checkpoint.path for checkpoint in found[:5])]
    assert [checkpoint.complete for checkpoint in found] == [True] * 5 + [None] * 95


def test_what_is_not_opened_still_tells_its_name_size_and_age(tmp_path: Path) -> None:
    _save(tmp_path, 2, files.safetensors())
    (found,) = listing(str(tmp_path), look_into=0)[1:]
    assert (found.format, found.step, found.epoch, found.metrics) == ("safetensors", 0, 1, {"val_loss": 0.5})
    assert (found.size_bytes, found.modified_at.timestamp()) == (len(files.safetensors()), 1000)


def test_an_empty_file_is_damaged_without_being_opened(tmp_path: Path) -> None:
    _save(tmp_path, 1, b"")
    (found,) = listing(str(tmp_path), look_into=0)
    assert (found.complete, found.problem) == (False, "empty")


def test_tensor_data_is_never_read(tmp_path: Path) -> None:
    _large(tmp_path)
    (tmp_path / "step-3.pt").write_bytes(files.zipped({"a/data.pkl": b".", "a/data/0": bytes(50_000_000)}))
    (tmp_path / "step-4.npz").write_bytes(files.zipped({"w.npy": bytes(50_000_000)}))
    before = _bytes_read()
    found = list(listing(str(tmp_path), look_into=9))
    for checkpoint in found:
        assert checkpoint.complete
        describe(checkpoint.path)
    assert newest_complete(str(tmp_path)).chosen
    assert _bytes_read() - before < 1_000_000, "tensor data was read: a listing would take hours"


def test_a_listing_is_a_sequence(tmp_path: Path) -> None:
    _save(tmp_path, 7, files.safetensors())
    found = listing(str(tmp_path), look_into=2)
    steps = [6, 5, 4, 3, 2, 1, 0]
    assert [checkpoint.step for checkpoint in found] == steps
    assert [checkpoint.step for checkpoint in found[1:3]] == steps[1:3]
    assert found[-1].step == 0
    assert (found[1].complete, found[-1].complete) == (True, None)
    with pytest.raises(IndexError):
        found[7]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 99)), max_size=120))
def test_the_newest_are_the_same_whether_all_are_put_in_order_or_not(ages: list[tuple[int, int]]) -> None:
    found = [(at, "/x", f"step-{step}.pt", 1, PICKLE) for at, step in ages]
    entries = scan.Entries(found)
    one_by_one = [entries[index][:3] for index in range(len(entries))]
    in_order = sorted(ages, reverse=True)
    assert one_by_one == [(at, "/x", f"step-{step}.pt") for at, step in in_order], (
        "another one is resumed from"
    )


def test_of_more_than_can_be_kept_the_newest_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _save(tmp_path, 50, files.safetensors())
    monkeypatch.setattr(scan, "MOST_ENTRIES", 10)
    found = listing(str(tmp_path), look_into=0)
    assert [checkpoint.step for checkpoint in found] == list(range(49, 39, -1))
    assert found.left_out == 40, "nobody would know of the others"


@pytest.mark.parametrize("suffix", [".PT", ".Safetensors"])
def test_suffixes_in_capitals_are_known(tmp_path: Path, suffix: str) -> None:
    _save(tmp_path, 1, files.torch(), suffix)
    assert len(listing(str(tmp_path), look_into=0)) == 1


def test_a_name_without_a_dot_has_no_suffix(tmp_path: Path) -> None:
    for name in ("pt", "bin", "ckpt", "pt.", "x.pt.", ".pt"):
        (tmp_path / name).write_bytes(files.torch())
    assert len(listing(str(tmp_path), look_into=0)) == 0


def test_a_folder_with_a_files_suffix_is_judged_as_a_folder(tmp_path: Path) -> None:
    (tmp_path / "step-1.pt").mkdir()
    (tmp_path / "step-1.pt" / "model.safetensors").write_bytes(files.safetensors())
    (found,) = listing(str(tmp_path), look_into=1)
    assert (found.format, found.complete) == ("huggingface", True)


def test_a_number_alone_is_a_step() -> None:
    assert [numbers(name).step for name in ("500", "1e3", "9" * 20, "\u0665", "")] == [
        500,
        None,
        None,
        None,
        None,
    ]
