"""Checkpoints that are folders, in the layouts that their libraries write, made without those libraries."""

from __future__ import annotations

import json
import pickle
import struct
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from . import checkpoint_files as files


def folder(path: Path, members: Mapping[str, bytes | None]) -> Path:
    """A folder with these files; None for one that is left out."""
    for name, content in members.items():
        if content is not None:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    return path


def deepspeed(data: int = 2, model: int = 2) -> dict[str, bytes]:
    """What DeepSpeed writes with ZeRO 1 or 2: the model of each rank, the optimizer's part of each pair."""
    said = {"global_steps": 500, "ds_version": "0.16.2", "dp_world_size": data, "mp_world_size": model}
    models = {f"mp_rank_{m:02d}_model_states.pt": files.torch(files.torch_pickle(said)) for m in range(model)}
    pairs = [(d, m) for d in range(data) for m in range(model)]
    parts = {f"bf16_zero_pp_rank_{d}_mp_rank_{m:02d}_optim_states.pt": files.torch() for d, m in pairs}
    return models | parts


def distributed() -> dict[str, bytes]:
    """What `torch.distributed.checkpoint` writes on two ranks: a float32 of 20, a bfloat16 of 6."""
    places = {"w": ("__0_0.distcp", 0, 100), "b": ("__1_0.distcp", 50, 30)}
    return {".metadata": _metadata(places), "__0_0.distcp": bytes(100), "__1_0.distcp": bytes(80)}


def _metadata(places: Mapping[str, tuple[str, int, int]]) -> bytes:
    with _as_torch() as made:
        tensors = {
            name: made("TensorStorageMetadata", properties=made("TensorProperties", args=(dtype,)), size=size)
            for name, dtype, size in (
                ("w", made.name("float32"), made.size((4, 5))),
                ("b", made.name("bfloat16"), made.size((6,))),
            )
        }
        stored = {
            made("MetadataIndex", fqn=name): made("_StorageInfo", relative_path=file, offset=at, length=size)
            for name, (file, at, size) in places.items()
        }
        root = made("Metadata", state_dict_metadata=tensors, storage_data=stored, planner_data=None)
        return pickle.dumps(root, protocol=4)


class _Maker:
    """Makes objects that pickle as those of PyTorch do: by the names of their classes, and their state."""

    def __init__(self, module: ModuleType, torch: ModuleType) -> None:
        self._module = module
        self._torch = torch

    def __call__(self, kind: str, args: tuple[object, ...] | None = None, **state: object) -> object:
        made = self._class(self._module, kind)()
        made.__dict__.update(state)
        if args is not None:
            type(made).__getstate__ = _state_of
            made.__dict__["args"] = args
        return made

    def name(self, name: str) -> object:
        """Something that pickles as `torch.NAME`."""
        return self._class(self._torch, name)

    def size(self, shape: tuple[int, ...]) -> object:
        """What pickles as `torch.Size(SHAPE)`."""
        kind = self._class(self._torch, "Size")
        made = kind()
        kind.__reduce__ = lambda one: (kind, (one.shape,))
        made.shape = shape
        return made

    @staticmethod
    def _class(module: ModuleType, name: str) -> type:
        if not hasattr(module, name):
            setattr(module, name, type(name, (), {"__module__": module.__name__}))
        found: type = getattr(module, name)
        return found


def _state_of(one: object) -> object:
    return one.__dict__["args"]


@contextmanager
def _as_torch() -> Iterator[_Maker]:
    """Modules of PyTorch's names while something is pickled: only their names go into the pickle."""
    names = ("torch", "torch.distributed.checkpoint.metadata")
    torch, module = (ModuleType(name) for name in names)
    sys.modules.update(zip(names, (torch, module), strict=True))
    try:
        yield _Maker(module, torch)
    finally:
        for name in names:
            del sys.modules[name]


def orbax() -> dict[str, bytes]:
    """What Orbax's manager writes for a step with one item."""
    tree = {
        str(keys): {
            "key_metadata": [{"key": key, "key_type": 2} for key in keys],
            "value_metadata": {"value_type": "jax.Array", "write_shape": shape},
        }
        for keys, shape in ((("layer", "w"), [4, 5]), (("b",), [3]))
    }
    handlers = {"state": "x.Handler", "metrics": "y.Handler"}
    metadata = {"item_handlers": handlers, "metrics": {}, "commit_timestamp_nsecs": 7}
    return {
        "_CHECKPOINT_METADATA": json.dumps(metadata).encode(),
        "commit_success.txt": b"committed",
        "state/_METADATA": json.dumps({"tree_metadata": tree, "use_ocdbt": True}).encode(),
        "state/manifest.ocdbt": b"\x0c\xdb\x3a\x2a" + struct.pack("<Q", 40) + bytes(28),
        "state/d/0a1b": b"arrays",
        "state/commit_success.txt": b"committed",
        "metrics/metrics": b'{"loss": 0.5}',
    }


def orbax_in_folders() -> dict[str, bytes]:
    """What Orbax writes for one item with a folder for each array."""
    metadata = json.loads(orbax()["state/_METADATA"])
    return {
        "_METADATA": json.dumps({**metadata, "use_ocdbt": False}).encode(),
        "layer.w/.zarray": b"{}",
        "layer.w/0.0": bytes(80),
        "b/.zarray": b"{}",
    }
