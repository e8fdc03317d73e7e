"""What a checkpoint tells of itself: step, metrics, what wrote it, and the tensors in it."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from pathlib import Path

import pytest

from runctl_core.checkpoints import describe, find
from runctl_core.checkpoints.naming import numbers
from runctl_core.models.checkpoints import TensorTotals

from . import checkpoint_files as files

TORCH = TensorTotals(2, 36, {"float32": 64, "bfloat16": 40})
LIGHTNING = {"epoch": 3, "global_step": 1200, "pytorch-lightning_version": "2.4.0", "hparams_name": "kwargs"}


def _file(folder: Path, name: str, content: bytes) -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("make", [files.torch, files.legacy_torch])
@pytest.mark.parametrize("name", ["last.pt", "last.pth", "last.ckpt", "pytorch_model.bin"])
def test_a_pytorch_file_tells_its_step_and_tensors(tmp_path: Path, name: str, make: files.Make) -> None:
    found = describe(_file(tmp_path, name, make(files.torch_pickle({"step": 7, "epoch": 2, "loss": 0.5}))))
    assert (found.complete, found.step, found.epoch, found.framework) == (True, 7, 2, "pytorch")
    assert found.tensors == TORCH
    assert found.metrics == {"loss": 0.5}


def test_a_lightning_file_tells_its_version_without_being_unpickled(tmp_path: Path) -> None:
    found = describe(_file(tmp_path, "last.ckpt", files.torch(files.torch_pickle(LIGHTNING))))
    assert (found.framework, found.framework_version) == ("lightning", "2.4.0")
    assert (found.step, found.epoch, found.tensors) == (1200, 3, TORCH)


def test_a_name_tells_metrics_as_lightning_writes_them(tmp_path: Path) -> None:
    name = "epoch=3-step=1200-val_loss=0.2531-val/acc=0.9.ckpt".replace("/", "_")
    _file(tmp_path, name, files.torch())
    (found,) = find(str(tmp_path))
    assert (found.epoch, found.metrics) == (3, {"val_loss": 0.2531, "val_acc": 0.9})


@pytest.mark.parametrize(
    ("name", "metrics"),
    [
        ("epoch=1-val_loss=-1.5e-3.ckpt", {"val_loss": -0.0015}),
        ("epoch=0-step=10.ckpt", {}),
        ("epoch=02-val_loss=0.32-v1.ckpt", {"val_loss": 0.32}),
        ("lr=1e999.pt", {}),
        ("a=1.2.3.pt", {}),
    ],
)
def test_metrics_in_names_are_numbers_or_nothing(name: str, metrics: dict[str, float]) -> None:
    assert numbers(name).metrics == metrics


def test_tensors_that_share_their_numbers_are_counted_once(tmp_path: Path) -> None:
    tied = files.text("tied") + files.tensor("FloatStorage", "0", 16)
    found = describe(_file(tmp_path, "a.pt", files.torch(files.torch_pickle()[:-1] + tied + b"s.")))
    assert found.tensors is not None
    assert found.tensors.parameters == 36


def test_a_pickle_that_cannot_be_read_changes_no_verdict(tmp_path: Path) -> None:
    found = describe(_file(tmp_path, "step-3.pt", files.torch(b"\x80\x02 no pickle")))
    assert (found.complete, found.step) == (True, 3)
    assert str(found.details["pickle"]).startswith("not read: it is damaged")


@pytest.mark.parametrize("count", [-1, 1 << 30])
def test_a_tensor_that_claims_too_much_is_no_crash(tmp_path: Path, count: int) -> None:
    hostile = b"\x80\x02}(" + files.text("w") + files.tensor("DoubleStorage", "0", count) + b"u."
    describe(_file(tmp_path, "a.pt", files.torch(hostile)))
    assert not describe(_file(tmp_path, "a.pth", files.legacy_torch(hostile))).complete


def test_other_files_that_are_called_bin_are_no_checkpoints_to_resume_from(tmp_path: Path) -> None:
    found = describe(_file(tmp_path, "train.bin", struct.pack("<999H", *range(999))))
    assert (found.complete, found.problem[:18]) == (False, "not a PyTorch file")


def test_a_zip_that_lost_its_beginning_is_damaged(tmp_path: Path) -> None:
    damaged = b"XX" + files.torch()[2:]
    assert not describe(_file(tmp_path, "a.pt", damaged)).complete


def test_a_keras_file_tells_the_version_that_wrote_it(tmp_path: Path) -> None:
    metadata = b'{"keras_version": "3.6.0", "date_saved": "2026-11-24@10:00:00"}'
    members = {"metadata.json": metadata, "config.json": b'{"class_name": "Functional"}'}
    found = describe(_file(tmp_path, "a.keras", files.zipped(members, zipfile.ZIP_DEFLATED)))
    assert (found.framework, found.framework_version) == ("keras", "3.6.0")
    assert found.details == {"saved_at": "2026-11-24@10:00:00", "model": "Functional"}


def test_a_keras_file_with_a_damaged_configuration_is_not_whole(tmp_path: Path) -> None:
    found = describe(_file(tmp_path, "a.keras", files.zipped({"config.json": b"{"})))
    assert (found.complete, "configuration is damaged" in found.problem) == (False, True)


def test_an_hdf5_file_that_was_never_closed_is_not_whole(tmp_path: Path) -> None:
    content = bytearray(files.hdf5(3))
    content[11] = 1
    assert "not closed" in describe(_file(tmp_path, "a.h5", bytes(content))).problem


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_arrays_of_numpy_tell_their_types(tmp_path: Path, compression: int) -> None:
    found = describe(_file(tmp_path, "a.npz", files.npz(compression)))
    assert found.tensors == TensorTotals(2, 8, {"float64": 64})


def test_safetensors_tell_types_and_what_wrote_them(tmp_path: Path) -> None:
    metadata = {"format": "pt", "epoch": "4", "base_model": "llama"}
    found = describe(_file(tmp_path, "a.safetensors", files.safetensors(metadata)))
    assert (found.framework, found.epoch) == ("pytorch", 4)
    assert found.details == {"base_model": "llama"}


ROWS = {
    "a hole": [("F32", [4], 0, 16), ("F32", [2], 20, 28)],
    "an overlap": [("F32", [4], 0, 16), ("F32", [2], 8, 16)],
    "a shape that does not fit": [("F32", [5], 0, 16)],
    "an end before its begin": [("F32", [0], 16, 0)],
    "a shape without an end": [("F32", [2] * 70, 0, 16)],
    "a negative size": [("F32", [-1, -4], 0, 16)],
}


@pytest.mark.parametrize("name", ROWS)
def test_tensors_that_cannot_be_where_they_say_are_damage(tmp_path: Path, name: str) -> None:
    rows = {
        f"w{number}": {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
        for number, (dtype, shape, begin, end) in enumerate(ROWS[name])
    }
    end = max(row["data_offsets"][1] for row in rows.values())
    content = files.with_header(json.dumps(rows).encode()) + bytes(end)
    assert not describe(_file(tmp_path, "a.safetensors", content)).complete


def test_a_type_that_is_not_known_is_told_as_it_is_called(tmp_path: Path) -> None:
    row = {"dtype": "F5_X", "shape": [8], "data_offsets": [0, 5]}
    content = files.with_header(json.dumps({"w": row}).encode()) + bytes(5)
    assert describe(_file(tmp_path, "a.safetensors", content)).tensors == TensorTotals(1, 8, {"f5_x": 5})


def test_opaque_files_are_not_read_even_as_data(tmp_path: Path) -> None:
    found = describe(_file(tmp_path, "model.joblib", pickle.dumps({"step": 9})))
    assert (found.step, found.tensors, found.details) == (None, None, {})
