"""A whole checkpoint of every format, to be damaged."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from functools import cache

from core import checkpoint_files as files
from core import checkpoint_folders as folders

Tree = dict[str, bytes]
"""The files of a checkpoint by their relative path; `.` for a checkpoint that is a file."""


def _one(make: Callable[[], bytes]) -> Callable[[], Tree]:
    return cache(lambda: {".": make()})


def _sharded() -> Tree:
    shards = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    index = {"metadata": {"total_size": 48}, "weight_map": {"w": shards[0], "b": shards[1]}}
    return {
        **dict.fromkeys(shards, files.safetensors()),
        "model.safetensors.index.json": json.dumps(index).encode(),
    }


def _hugging_face() -> Tree:
    state = json.dumps({"global_step": 5, "epoch": 1.5, "best_metric": 0.25}).encode()
    return {
        "model.safetensors": files.safetensors({"format": "pt"}),
        "optimizer.pt": files.torch(),
        "trainer_state.json": state,
        "config.json": b'{"model_type": "gpt2"}',
    }


def _packed() -> bytes:
    return files.zipped({"w1.npy": bytes(3000), "b1.npy": bytes(range(256)) * 4}, zipfile.ZIP_DEFLATED)


FORMATS: dict[str, tuple[str, Callable[[], Tree]]] = {
    "pytorch": (".pt", _one(files.torch)),
    "lightning": (".ckpt", _one(files.torch)),
    "legacy pytorch": (".pth", _one(files.legacy_torch)),
    "npz": (".npz", _one(files.npz)),
    "packed npz": (".npz", _one(_packed)),
    "keras": (".keras", _one(files.keras)),
    "safetensors": (".safetensors", _one(files.safetensors)),
    "hdf5": (".h5", _one(files.hdf5)),
    "hdf5, version 2": (".hdf5", _one(lambda: files.hdf5(2))),
    "pickle": (".pkl", _one(files.pickled)),
    "joblib": (".joblib", _one(files.pickled)),
    "sharded": ("", cache(_sharded)),
    "hugging face": ("", cache(_hugging_face)),
    "deepspeed": ("", cache(folders.deepspeed)),
    "distributed": ("", cache(folders.distributed)),
    "orbax": ("", cache(folders.orbax)),
}
"""Each format's suffix and the files of a whole one."""
