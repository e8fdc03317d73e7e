"""The formats of checkpoints, and how each tells a whole one from a damaged one.

Only headers, directories of archives and small side files are read. A format that cannot tell says so
in `problem` and calls the file complete when it is not empty, because a script may still load it.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Callable, Mapping

from attrs import field, frozen

from runctl_core.checkpoints.zips import damage, member_sizes

_HEADER_LIMIT = 100 << 20
"""The safetensors format's own limit of a header, in bytes."""

_SIDE_FILE_LIMIT = 16 << 20


@frozen
class Look:
    """What a format found.

    Attributes:
        complete: Whether it is whole.
        problem: Why not, or what cannot be verified.
        step: From metadata, when it has one.
        epoch: Likewise.
        metrics: Likewise, by name.
        details: More, as JSON-ready values.
    """

    complete: bool
    problem: str = ""
    step: int | None = None
    epoch: int | None = None
    metrics: Mapping[str, float] = field(factory=dict)
    details: Mapping[str, object] = field(factory=dict)


@frozen
class Format:
    """A format.

    Attributes:
        name: Its name in lists.
        look: Describes the file or folder at a path. May raise OSError.
    """

    name: str
    look: Callable[[str], Look]


def claim(path: str, is_dir: bool) -> Format | None:
    """The format that a file or folder belongs to by its name; None for something else."""
    if is_dir:
        return _claim_folder(path)
    return _BY_SUFFIX.get(os.path.splitext(path)[1].lower())


def _claim_folder(path: str) -> Format | None:
    try:
        names = set(os.listdir(path))
    except OSError:
        return None
    if names & _INDEXES:
        return _SHARDED
    if names & {"trainer_state.json", "pytorch_model.bin", "model.safetensors", "adapter_config.json"}:
        return _HUGGING_FACE
    return None


def _safetensors(path: str) -> Look:
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        head = file.read(8)
        if len(head) < 8:
            return Look(False, "shorter than its own header")
        (length,) = struct.unpack("<Q", head)
        if length > min(_HEADER_LIMIT, size - 8):
            return Look(False, f"its header claims {length} bytes, and the file has {size}")
        return _safetensors_header(file.read(length), size - 8 - length)


def _safetensors_header(data: bytes, body_bytes: int) -> Look:
    try:
        header = json.loads(data)
        tensors = {name: row for name, row in header.items() if name != "__metadata__"}
        end = max((int(row["data_offsets"][1]) for row in tensors.values()), default=0)
        metadata = header.get("__metadata__", {})
        step = _number(metadata, "step", "global_step")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        return Look(False, f"its header is damaged: {error}")
    if end != body_bytes:
        return Look(False, f"its tensors need {end} bytes, and {body_bytes} are there")
    return Look(True, step=step, details={"tensors": len(tensors)})


def _torch(path: str) -> Look:
    with open(path, "rb") as file:
        magic = file.read(4)
    if magic[:2] != b"PK":
        return _unverifiable(path, "the legacy PyTorch format does not tell whether it is whole")
    if problem := damage(path):
        return Look(False, problem)
    names = member_sizes(path)
    if not any(name.endswith(("data.pkl", "constants.pkl")) for name in names):
        return Look(False, "no data.pkl in it")
    return Look(True, details={"tensors": sum("/data/" in name for name in names)})


def _numpy_archive(path: str) -> Look:
    problem = damage(path)
    return Look(not problem, problem, details={} if problem else {"arrays": len(member_sizes(path))})


def _keras(path: str) -> Look:
    problem = damage(path)
    if not problem and "config.json" not in member_sizes(path):
        problem = "no config.json in it"
    return Look(not problem, problem)


def _hdf5(path: str) -> Look:
    """The superblock has the address where the file ends: versions 0 and 1 at 40, 2 and 3 at 28."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        head = file.read(64)
    if len(head) < 64 or head[:8] != b"\x89HDF\r\n\x1a\n":
        return Look(False, "no HDF5 header")
    at = {0: 40, 1: 44, 2: 28, 3: 28}.get(head[8])
    if at is None or head[13 if head[8] < 2 else 9] != 8:
        return _unverifiable(path, "an HDF5 version or offset size that is not known here")
    (end,) = struct.unpack_from("<Q", head, at)
    return Look(end <= size, "" if end <= size else f"it should have {end} bytes, and has {size}")


def _opaque(path: str) -> Look:
    return _unverifiable(path, "a pickle does not tell whether it is whole, and is never opened here")


def _unverifiable(path: str, why: str) -> Look:
    if os.path.getsize(path) == 0:
        return Look(False, "empty")
    return Look(True, f"not verified: {why}")


def _hugging_face(path: str) -> Look:
    weights = [n for n in os.listdir(path) if n.endswith((".safetensors", ".bin", ".pt", ".pth"))]
    if not weights:
        return Look(False, "no weights in it")
    return _with_trainer_state(path, _all_whole(path, weights))


def _sharded(path: str) -> Look:
    names = set(os.listdir(path))
    index = min(names & _INDEXES)
    wanted = _json_file(os.path.join(path, index)).get("weight_map", {})
    shards = sorted({str(name) for name in wanted.values()}) if isinstance(wanted, dict) else []
    if not shards:
        return Look(False, f"{index} names no shard")
    if missing := [name for name in shards if name not in names]:
        return Look(False, f"missing: {', '.join(missing[:3])}")
    return _with_trainer_state(path, _all_whole(path, shards))


def _all_whole(folder: str, names: list[str]) -> Look:
    for name in names:
        form = claim(os.path.join(folder, name), is_dir=False)
        look = form.look(os.path.join(folder, name)) if form else Look(True)
        if not look.complete:
            return Look(False, f"{name}: {look.problem}")
    return Look(True, details={"files": len(names)})


def _with_trainer_state(folder: str, look: Look) -> Look:
    """Add what the Hugging Face trainer wrote beside the weights; it writes that file last."""
    path = os.path.join(folder, "trainer_state.json")
    if not look.complete or not os.path.exists(path):
        return look
    state = _json_file(path)
    if not state:
        return Look(False, "trainer_state.json is damaged")
    return Look(
        True,
        step=_number(state, "global_step"),
        epoch=_number(state, "epoch"),
        metrics=_metric("best_metric", state),
        details=look.details,
    )


def _json_file(path: str) -> dict[str, object]:
    """A small JSON object; an empty one for anything else."""
    if os.path.getsize(path) > _SIDE_FILE_LIMIT:
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _number(values: Mapping[str, object], *names: str) -> int | None:
    for name in names:
        try:
            number = int(float(str(values[name])))
        except (KeyError, ValueError, OverflowError):
            continue
        return number if number >= 0 else None
    return None


def _metric(name: str, values: Mapping[str, object]) -> dict[str, float]:
    """A metric by its name; nothing for one that is no finite number, which JSON cannot say."""
    try:
        value = float(str(values.get(name)))
    except ValueError:
        return {}
    return {name: value} if math.isfinite(value) else {}


_INDEXES = frozenset({"model.safetensors.index.json", "pytorch_model.bin.index.json"})
_SHARDED = Format("sharded", _sharded)
_HUGGING_FACE = Format("huggingface", _hugging_face)
_TORCH = Format("pytorch", _torch)
_PICKLE = Format("pickle", _opaque)
_HDF5 = Format("hdf5", _hdf5)
_BY_SUFFIX: dict[str, Format] = {
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".ckpt": _TORCH,
    ".bin": _TORCH,
    ".safetensors": Format("safetensors", _safetensors),
    ".npz": Format("npz", _numpy_archive),
    ".keras": Format("keras", _keras),
    ".h5": _HDF5,
    ".hdf5": _HDF5,
    ".pkl": _PICKLE,
    ".pickle": _PICKLE,
    ".joblib": _PICKLE,
}
