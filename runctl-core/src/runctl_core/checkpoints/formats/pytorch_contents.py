"""What is in PyTorch's files, from their pickles read as data: step, epoch, versions, tensors.

See `pickles`: nothing in them is imported, called or built.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve

from runctl_core.checkpoints import pickles, sidefiles, zips
from runctl_core.checkpoints.pickles import Made, Name, Unreadable
from runctl_core.checkpoints.regular import opened
from runctl_core.models.checkpoints import Look, TensorTotals

_STORAGES = {
    "DoubleStorage": ("float64", 8),
    "FloatStorage": ("float32", 4),
    "HalfStorage": ("float16", 2),
    "BFloat16Storage": ("bfloat16", 2),
    "LongStorage": ("int64", 8),
    "IntStorage": ("int32", 4),
    "ShortStorage": ("int16", 2),
    "CharStorage": ("int8", 1),
    "ByteStorage": ("uint8", 1),
    "BoolStorage": ("bool", 1),
    "ComplexFloatStorage": ("complex64", 8),
    "ComplexDoubleStorage": ("complex128", 16),
    "QInt8Storage": ("qint8", 1),
    "QUInt8Storage": ("quint8", 1),
    "QInt32Storage": ("qint32", 4),
    "UntypedStorage": ("uint8", 1),
}
_LIGHTNING = "pytorch-lightning_version"


def width_of(dtype: str) -> int:
    """Bytes of one number of a type; 0 when nobody knows."""
    bits = re.search(r"\d+", dtype)
    return int(bits[0][:4]) // 8 if bits else int(dtype == "bool")


def root_of(path: str) -> Any:
    """What a file's pickle holds, as data. Raises pickles.Unreadable, OSError."""
    if not zips.is_archive(path):
        return _older(path)[0]
    try:
        return root_in(path, zips.members(path))
    except zips.Damaged as error:
        raise Unreadable(str(error)) from error


def root_in(path: str, members: Mapping[str, zips.Member]) -> Any:
    """The same of an archive with these members. Raises pickles.Unreadable, zips.Damaged, OSError."""
    kinds = (name for name in members if name.partition("/")[2] in ("data.pkl", "constants.pkl"))
    name = next(kinds, None)
    if name is None:
        raise Unreadable("no data.pkl in it")
    data = zips.content(path, name, members[name], pickles.MOST_BYTES + 1)
    return pickles.read(io.BytesIO(data))


def older_look(path: str) -> Look:
    """Whether a file of the older format is as long as its tensors need, and what its pickle says."""
    try:
        root, end = _older(path)
        storages = list(_storages(root))
    except pickles.TooLong as error:
        return Look(True, f"not verified: its pickle is not read here: {error}", framework="pytorch")
    except Unreadable as error:
        return Look(False, f"its pickle cannot be read: {error}")
    needed = end + sum(8 + numbers * width for _, numbers, width in storages)
    if (size := os.path.getsize(path)) < needed:
        return Look(False, f"its tensors end at byte {needed}, and it has {size}")
    return with_contents(Look(True, framework="pytorch", details={"layout": "legacy"}), root)


def with_contents(look: Look, root: Any) -> Look:
    """A look with what the pickle says: of a dictionary, the entries that training scripts agree on."""
    totals = TensorTotals.of((dtype, count, count * width) for dtype, count, width in _storages(root))
    facts = _plain(root)
    lightning = sidefiles.text(facts, _LIGHTNING)
    return evolve(
        look,
        step=sidefiles.number(facts, *sidefiles.STEPS),
        epoch=sidefiles.number(facts, *sidefiles.EPOCHS),
        framework="lightning" if lightning else "deepspeed" if "ds_version" in facts else look.framework,
        framework_version=lightning or sidefiles.text(facts, "ds_version"),
        metrics={**look.metrics, **_metrics(root)},
        tensors=totals if totals.count else look.tensors,
        details={**look.details, **_shown(root)},
    )


def _older(path: str) -> tuple[Any, int]:
    """The object of a file in the older layout, and where its tensors begin: behind five pickles."""
    with opened(path) as file:
        data = io.BytesIO(file.read(pickles.MOST_BYTES + 1))
    for _ in range(3):
        pickles.read(data)
    root = pickles.read(data)
    pickles.read(data)
    return root, data.tell()


def _storages(root: Any) -> Iterator[tuple[str, int, int]]:
    """Type, count and width of what the tensors are kept in, each once: tensors may share it."""
    dtypes = dict(_dtypes_of_untyped(root))
    seen: set[str] = set()
    for made in pickles.walk(root):
        if made.name != "persistent" or not isinstance(made.args, tuple) or len(made.args) < 5:
            continue
        _, kind, key, _, count = made.args[:5]
        if not isinstance(kind, Name) or not isinstance(key, str) or key in seen:
            continue
        seen.add(key)
        dtype, width = _STORAGES.get(kind.text.rpartition(" ")[2], ("unknown", 0))
        if type(count) is not int or not 0 <= count < 1 << 60:
            raise Unreadable("a tensor of no possible size")
        if dtype == "uint8" and key in dtypes:
            dtype, width, count = _typed(dtypes[key], count)
        yield dtype, count, width


def _typed(dtype: str, size_bytes: int) -> tuple[str, int, int]:
    width = width_of(dtype) or 1
    return dtype, width, size_bytes // width


def _dtypes_of_untyped(root: Any) -> Iterator[tuple[str, str]]:
    """The types that newer tensors name beside an untyped storage, by the storage's key."""
    for made in pickles.walk(root):
        if made.name != "torch._utils _rebuild_tensor_v3" or not isinstance(made.args, tuple):
            continue
        storage = made.args[0] if made.args else None
        names = [arg.text for arg in made.args if isinstance(arg, Name) and arg.text.startswith("torch ")]
        if isinstance(storage, Made) and isinstance(storage.args, tuple) and len(storage.args) > 2 and names:
            yield str(storage.args[2])[:40], names[0].removeprefix("torch ")


def _plain(root: Any) -> dict[str, object]:
    """The plain entries at the top, or one level down in what scripts call their state."""
    entries = root.items if isinstance(root, Made) else root
    if not isinstance(entries, dict):
        return {}
    return {
        key: value
        for key, value in entries.items()
        if isinstance(key, str) and isinstance(value, str | int | float) and not isinstance(value, bool)
    }


def _metrics(root: Any) -> dict[str, float]:
    """Numbers that are called metrics, or have the name of a usual one."""
    entries = root if isinstance(root, dict) else {}
    inner = entries.get("metrics")
    inner = inner if isinstance(inner, dict) else {}
    named = {key: value for key, value in inner.items() if isinstance(key, str)}
    usual = {key: value for key, value in _plain(root).items() if _is_metric(key)}
    return sidefiles.finite({**usual, **named})


def _is_metric(key: str) -> bool:
    return key.endswith(("loss", "accuracy", "acc", "perplexity", "bleu", "f1")) or key.startswith("best_")


def _shown(root: Any) -> dict[str, object]:
    """Its keys, and the plain values among them."""
    if not isinstance(root, dict):
        return {}
    keys = [key for key in root if isinstance(key, str)]
    told = (_LIGHTNING, "ds_version", *_metrics(root))
    return {"keys": sorted(keys)[:40], **sidefiles.shown(_plain(root), told)} if len(keys) < 200 else {}
