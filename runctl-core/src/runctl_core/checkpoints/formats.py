"""The formats of checkpoints, and how each tells a whole one from a damaged one.

Only headers, directories of archives and small side files are read. A format that cannot tell says so
in `problem` and calls the file complete when it is not empty, because a script may still load it.
"""

from __future__ import annotations

import json
import math
import os
import re
import struct
from collections.abc import Callable, Mapping

from attrs import field, frozen

from runctl_core.checkpoints.zips import Damaged, member_sizes

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
    """The format that a file or folder belongs to by its name; None for something else.

    One shard of several is none by itself: whoever resumed from it would have a part of the model.
    """
    if is_dir:
        return _claim_folder(path)
    return None if _SHARD.search(path) else by_suffix(path)


def by_suffix(path: str) -> Format | None:
    """The format of a file, also of one that is a part of a checkpoint."""
    return _BY_SUFFIX.get(os.path.splitext(path)[1].lower())


def _claim_folder(path: str) -> Format | None:
    try:
        names = set(os.listdir(path))
    except OSError:
        return None
    if names & _INDEXES or any(map(_SHARD.search, names)):
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
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError) as error:
        return Look(False, f"its header is damaged: {error}")
    if end != body_bytes:
        return Look(False, f"its tensors need {end} bytes, and {body_bytes} are there")
    return Look(True, step=step, details={"tensors": len(tensors)})


def _torch(path: str) -> Look:
    if not _is_zip(path):
        return _unverifiable(path, "the legacy PyTorch format does not tell whether it is whole")
    try:
        names = member_sizes(path)
    except Damaged as error:
        return Look(False, str(error))
    if not any(name.endswith(("data.pkl", "constants.pkl")) for name in names):
        return Look(False, "no data.pkl in it")
    return Look(True, details={"tensors": sum("/data/" in name for name in names)})


def _is_zip(path: str) -> bool:
    """Also for the first bytes of one, which are all that is there."""
    with open(path, "rb") as file:
        head = file.read(4)
    return bool(head) and b"PK\3\4".startswith(head)


def _numpy_archive(path: str) -> Look:
    try:
        return Look(True, details={"arrays": len(member_sizes(path))})
    except Damaged as error:
        return Look(False, str(error))


def _keras(path: str) -> Look:
    try:
        names = member_sizes(path)
    except Damaged as error:
        return Look(False, str(error))
    return Look(True) if "config.json" in names else Look(False, "no config.json in it")


def _hdf5(path: str) -> Look:
    """The superblock has the address where the file ends: at 40, 44, 28, 28 in versions 0 to 3."""
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


def _pickle(path: str) -> Look:
    """Its last byte is known, and so is that no pickle is shorter than four."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        head = file.read(1)
        file.seek(max(0, size - 1))
        if head == b"\x80" and (size < 4 or file.read(1) != b"."):
            return Look(False, "cut short: a pickle ends in a full stop")
    return _unverifiable(path, "a pickle is never opened here")


def _unverifiable(path: str, why: str) -> Look:
    with open(path, "rb") as file:
        head = file.read(4096)
    if not any(head):
        return Look(False, "nothing but zeros: it was never written out" if head else "empty")
    return Look(True, f"not verified: {why}")


def _hugging_face(path: str) -> Look:
    weights = [n for n in os.listdir(path) if n.endswith((".safetensors", ".bin", ".pt", ".pth"))]
    if not weights:
        return Look(False, "no weights in it")
    return _with_trainer_state(path, _all_whole(path, weights))


def _sharded(path: str) -> Look:
    names = set(os.listdir(path))
    if not names & _INDEXES:
        return Look(False, "its index is missing: it was still being written")
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
        part = os.path.join(folder, name)
        if not os.path.isfile(part):
            return Look(False, f"{name} is no file")
        form = by_suffix(part)
        look = form.look(part) if form else Look(True)
        if not look.complete:
            return Look(False, f"{name}: {look.problem}")
    return Look(True, details={"files": len(names)})


def _with_trainer_state(folder: str, look: Look) -> Look:
    """Add what the Hugging Face trainer wrote beside the weights; it writes that file last."""
    path = os.path.join(folder, "trainer_state.json")
    if not look.complete:
        return look
    if not os.path.exists(path):
        if _TRAINERS_FOLDER.search(folder) and os.path.exists(os.path.join(folder, "training_args.bin")):
            return Look(False, "no trainer_state.json: the trainer was still writing")
        return look
    state = _json_file(path)
    if not state:
        return Look(False, "trainer_state.json is damaged")
    return Look(
        True,
        step=_number(state, "global_step"),
        epoch=_number(state, "epoch"),
        metrics=_metric(state, "best_metric"),
        details=look.details,
    )


def _json_file(path: str) -> dict[str, object]:
    """A small JSON object; an empty one for anything else."""
    if not os.path.isfile(path) or os.path.getsize(path) > _SIDE_FILE_LIMIT:
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


def _metric(values: Mapping[str, object], name: str) -> dict[str, float]:
    """A finite number by its name, and nothing for anything else: JSON has no infinity."""
    try:
        value = float(str(values.get(name)))
    except ValueError:
        return {}
    return {name: value} if math.isfinite(value) else {}


_SHARD = re.compile(r"-\d+-of-\d+\.(safetensors|bin)\Z")
_TRAINERS_FOLDER = re.compile(r"checkpoint-\d+\Z")
_INDEXES = frozenset({"model.safetensors.index.json", "pytorch_model.bin.index.json"})
_SHARDED = Format("sharded", _sharded)
_HUGGING_FACE = Format("huggingface", _hugging_face)
_TORCH = Format("pytorch", _torch)
_PICKLE = Format("pickle", _pickle)
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
