"""Checkpoints in the layouts that their libraries write, made without those libraries."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

Make = Callable[[bytes | None], bytes]
"""Makes a file around a pickle."""


def zipped(members: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def torch_pickle(values: Mapping[str, object] = MappingProxyType({"step": 3})) -> bytes:
    """The pickle of `values` and of a model with two tensors: 16 numbers of 32 bits and 20 of 16."""
    plain = pickle.dumps(dict(values), protocol=2)[:-1]
    model = text("w") + tensor("FloatStorage", "0", 16) + text("b") + tensor("BFloat16Storage", "1", 20)
    return plain + text("model") + b"}(" + model + b"us."


def tensor(storage: str, key: str, count: int) -> bytes:
    """The instructions that `torch.save` writes for one: what to call, where its numbers are, its shape."""
    where = b"(" + text("storage") + f"ctorch\n{storage}\n".encode() + text(key) + text("cpu") + number(count)
    shape, strides = number(count) + b"\x85", number(1) + b"\x85"
    call = b"(" + where + b"tQ" + number(0) + shape + strides + b"\x89ccollections\nOrderedDict\n)RtR"
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + call


def text(value: str) -> bytes:
    """The instruction that pushes a text."""
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value: int) -> bytes:
    """The instruction that pushes a whole number of 32 bits."""
    return b"J" + struct.pack("<i", value)


def torch(pickled: bytes | None = None) -> bytes:
    """What `torch.save` writes: a pickle and the bytes of each tensor."""
    return zipped(
        {
            "archive/data.pkl": pickled or torch_pickle(),
            "archive/.format_version": b"1",
            "archive/byteorder": b"little",
            "archive/data/0": bytes(range(64)),
            "archive/data/1": bytes(40),
            "archive/version": b"3\n",
        }
    )


def legacy_torch(pickled: bytes | None = None) -> bytes:
    """What `torch.save` wrote before 1.6: five pickles, then the tensors' lengths and bytes."""
    before = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    storages = struct.pack("<Q", 16) + bytes(range(64)) + struct.pack("<Q", 20) + bytes(40)
    return b"".join([*before, pickled or torch_pickle(), pickle.dumps(["0", "1"], 2), storages])


def npz(compression: int = zipfile.ZIP_STORED) -> bytes:
    """What `numpy.savez` writes, or `numpy.savez_compressed`."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (4,), }".ljust(117) + b"\n"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack("<4d", 1, 2, 3, 4)
    return zipped({"w1.npy": array, "b1.npy": array}, compression)


def keras() -> bytes:
    """What Keras 3 writes."""
    return zipped({"metadata.json": b"{}", "config.json": b"{}", "model.weights.h5": hdf5()})


def safetensors(metadata: Mapping[str, str] | None = None) -> bytes:
    """A header with its length before it, then the tensors."""
    rows = {
        "w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},
        "b": {"dtype": "F32", "shape": [2], "data_offsets": [16, 24]},
    }
    header: dict[str, object] = {**rows, **({"__metadata__": metadata} if metadata else {})}
    return with_header(json.dumps(header).encode()) + bytes(range(24))


def with_header(header: bytes) -> bytes:
    """The beginning of a safetensors file."""
    return struct.pack("<Q", len(header)) + header


def hdf5(version: int = 0, size: int = 300) -> bytes:
    """A superblock that says how long the file is, and a rest."""
    at = {0: 40, 1: 44, 2: 28, 3: 28}[version]
    block = bytearray(size)
    block[:9] = b"\x89HDF\r\n\x1a\n" + bytes([version])
    block[13 if version < 2 else 9] = 8
    block[at : at + 8] = struct.pack("<Q", size)
    return bytes(block)


def pickled() -> bytes:
    """A plain pickle."""
    return pickle.dumps({"step": 3, "weights": list(range(50))})


class _Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, mark: str) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (self._mark,)


def bomb(mark: Path) -> bytes:
    """A pickle that leaves a mark when it is opened."""
    return pickle.dumps(_Bomb(str(mark)))
