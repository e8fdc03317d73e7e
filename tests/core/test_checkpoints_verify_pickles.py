"""Pickles are followed to their end, and never run."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_core.checkpoints.deep import pickle_stream
from runctl_core.checkpoints.verdict import Verdict
from runctl_core.checkpoints.verify import record, verify

from . import checkpoint_files as files
from .verifying import in_one_folder, one_finding, saved


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle", ".joblib", ".npz"])
@pytest.mark.parametrize("zipped", [False, True])
def test_no_pickle_is_ever_run(tmp_path: Path, suffix: str, zipped: bool) -> None:
    mark = tmp_path / "it ran"
    bomb = files.bomb(mark)
    path = saved(tmp_path, f"step-1{suffix}", files.torch(bomb) if zipped else bomb)
    record(verify(path))
    verify(path)
    assert not mark.exists(), "a checkpoint's code ran on this computer"
    pickle.loads(bomb)  # noqa: S301  the test must be able to fail
    assert mark.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle_is_followed_to_its_end(tmp_path: Path, protocol: int) -> None:
    value = {
        "step": 3,
        "big": 1 << 3000,
        "w": [1.5, None, True] * 90,
        "blob": bytes(70_000),
        "text": "é\n" * 99,
    }
    data = pickle.dumps(value, protocol) + pickle.dumps(complex(1, 2), protocol)
    verified = verify(saved(tmp_path, "a.pkl", data))
    assert (verified.findings, verified.read_bytes) == ((), len(data))
    for size in range(1, len(data) - 40, len(data) // 40):
        path = saved(tmp_path, "cut.pkl", data[:size])
        whole_first = size == len(pickle.dumps(value, protocol))
        assert (verify(path).verdict is Verdict.GOOD) == whole_first


@pytest.mark.parametrize(
    ("instruction", "size_bytes"),
    [
        (b"\x8e" + (1 << 60).to_bytes(8, "little"), 1 << 60),
        (b"B" + b"\xff" * 4, (1 << 32) - 1),
        (b"C\xff", 255),
    ],
)
def test_a_pickle_that_claims_more_than_there_is_says_how_much(
    tmp_path: Path, instruction: bytes, size_bytes: int
) -> None:
    data = b"\x80\x04" + instruction + b"..."
    found = one_finding(saved(tmp_path, "a.pkl", data))
    assert (found.damage, found.where) == (True, f"byte {len(data)}")
    assert found.what == f"cut short: {size_bytes - 3} more bytes should follow"


def test_lines_and_values_longer_than_what_is_read_at_once_are_followed(tmp_path: Path) -> None:
    long = b"V" + b"x" * 3_000_000 + b"\n"
    for data in (long + b".", b"(" + long + b"X" + (2 << 20).to_bytes(4, "little") + bytes(2 << 20) + b"t."):
        assert verify(saved(tmp_path, "a.pkl", data)).verdict is Verdict.GOOD
    for cut in (long[:-1], long, b"c" + long[1:-1], b"\x80\x04" + b"N" * (1 << 20)):
        assert verify(saved(tmp_path, "a.pkl", cut)).verdict is not Verdict.GOOD


@pytest.mark.parametrize("content", [b"\x78\x9c\x01\x02", b"BZh9", b"\x1f\x8b\x08", b"hello world"])
def test_what_is_no_pickle_is_not_called_good_or_damaged(tmp_path: Path, content: bytes) -> None:
    assert verify(saved(tmp_path, "a.joblib", content)).verdict is Verdict.UNVERIFIABLE


def test_arrays_between_the_instructions_are_said(tmp_path: Path) -> None:
    data = (
        b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x13joblib.numpy_pickle\x8c\x11NumpyArrayWrapper\x93"
        + b"\xff" * 99
    )
    found = one_finding(saved(tmp_path, "a.joblib", data + b"."))
    assert ("joblib" in found.what, found.damage) == (True, False)


@in_one_folder
@given(st.binary(max_size=300))
def test_any_bytes_are_followed_as_a_pickle(tmp_path: Path, content: bytes) -> None:
    path = saved(tmp_path, "x.pkl", content)
    found = list(pickle_stream.check(path, ".", lambda _: None))
    assert len(found) <= 1
