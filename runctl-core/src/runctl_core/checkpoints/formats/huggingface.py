"""Hugging Face's folders: weights in one file, or in shards with an index, and the trainer's state."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from attrs import evolve

from runctl_core.checkpoints import sidefiles
from runctl_core.checkpoints.formats import deepspeed
from runctl_core.checkpoints.formats.distributed import DISTRIBUTED
from runctl_core.checkpoints.formats.folders import all_whole, counted, names_in
from runctl_core.models.checkpoints import Format, Look

INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
SHARD = re.compile(r"-\d+-of-\d+\.(safetensors|bin)\Z")
_WEIGHTS = re.compile(r"(model|pytorch_model|adapter_model).*\.(safetensors|bin|pt|pth)\Z")
_FSDP = re.compile(r"(pytorch_model_fsdp|optimizer)_\d+\Z")
_TRAINERS_FOLDER = re.compile(r"checkpoint-\d+\Z")


def _one_file(path: str) -> Look:
    names = names_in(path)
    weights, others = _weights(names)
    if not weights and not _inner(path, names):
        return Look(False, "no weights in it")
    return _whole(path, names, weights, others)


def _study_one_file(path: str) -> Look:
    return counted(_one_file(path), path, _weights(names_in(path))[0])


def _weights(names: set[str]) -> tuple[list[str], list[str]]:
    """The model's files, and what is saved beside them."""
    binary = sorted(name for name in names if name.endswith((".safetensors", ".bin", ".pt", ".pth")))
    weights = [name for name in binary if _WEIGHTS.match(name)] or binary
    return weights, [name for name in binary if name not in weights]


def _sharded(path: str) -> Look:
    names = names_in(path)
    present = [index for index in INDEXES if index in names]
    if not present:
        return Look(False, "its index is missing: it was still being written")
    try:
        index = sidefiles.loaded(os.path.join(path, present[0]))
    except sidefiles.TooLarge as error:
        return _without_index(path, names, f"not verified: {present[0]} is {error}")
    except sidefiles.Unreadable as error:
        return Look(False, f"{present[0]}: {error}")
    wanted = index.get("weight_map")
    shards = sorted({str(name)[:300] for name in wanted.values()}) if isinstance(wanted, dict) else []
    if not shards:
        return Look(False, f"{present[0]} names no shard")
    if missing := [name for name in shards if name not in names]:
        return Look(False, f"missing: {', '.join(missing[:3])}")
    others = sorted(n for n in names if n.endswith((".pt", ".pth")))
    look = _whole(path, names, shards, others)
    total = index.get("metadata")
    size = sidefiles.number(total, "total_size") if isinstance(total, dict) else None
    return evolve(look, details={**look.details, "shards": len(shards), "index_total_bytes": size})


def _study_sharded(path: str) -> Look:
    return counted(_sharded(path), path, sorted(filter(SHARD.search, names_in(path))))


def _inner(path: str, names: set[str]) -> list[tuple[str, Callable[[str], Look]]]:
    """The folders in it that the trainer has others write: DeepSpeed's, and FSDP's of model and optimizer."""
    latest = deepspeed.latest_of(path)
    sharded = sorted(os.path.join(path, name) for name in names if _FSDP.match(name))
    found = [(folder, DISTRIBUTED.look) for folder in sharded if os.path.isdir(folder)]
    return [*found, *([(latest, deepspeed.look)] if latest else [])]


def _without_index(path: str, names: set[str], problem: str) -> Look:
    look = all_whole(path, sorted(filter(SHARD.search, names)))
    return evolve(look, problem=look.problem or problem)


def _whole(path: str, names: set[str], weights: list[str], others: list[str]) -> Look:
    """Whether all of it is there, and the state of the trainer, which it writes last."""
    look = all_whole(path, weights)
    rest = all_whole(path, others)
    if not look.complete or not rest.complete:
        return rest if look.complete else look
    for inner, judge in _inner(path, names):
        if not (part := judge(inner)).complete:
            return evolve(part, problem=f"{os.path.basename(inner)}: {part.problem}")
    look = evolve(look, framework="transformers" if "config.json" in names else look.framework)
    if "trainer_state.json" in names:
        return _with_state(path, look)
    if "training_args.bin" in names and _TRAINERS_FOLDER.search(path):
        return Look(False, "no trainer_state.json: the trainer was still writing")
    return _with_config(path, look)


def _with_state(path: str, look: Look) -> Look:
    try:
        state = sidefiles.loaded(os.path.join(path, "trainer_state.json"))
    except sidefiles.TooLarge:
        return _with_config(path, look)  # a very long history
    except sidefiles.Unreadable:
        return Look(False, "trainer_state.json is damaged")
    seen = evolve(
        look,
        step=sidefiles.number(state, "global_step"),
        epoch=sidefiles.number(state, "epoch"),
        metrics=_metrics(state),
    )
    return _with_config(path, seen)


def _metrics(state: dict[str, object]) -> dict[str, float]:
    """The best one so far, and the last value of each that the trainer noted."""
    latest: dict[str, object] = {"best_metric": state.get("best_metric")}
    history = state.get("log_history")
    for row in history[-_LAST_ROWS:] if isinstance(history, list) else ():
        if isinstance(row, dict):
            latest.update((key, value) for key, value in row.items() if key not in ("step", "epoch"))
    return dict(list(sidefiles.finite(latest).items())[:_MOST_METRICS])


_LAST_ROWS, _MOST_METRICS = 20, 40


def _with_config(path: str, look: Look) -> Look:
    config = sidefiles.loaded_or_empty(os.path.join(path, "config.json"))
    names = config.get("architectures")
    shown = {
        "model_type": sidefiles.text(config, "model_type"),
        "architecture": sidefiles.text({"": names[0]}, "") if isinstance(names, list) and names else "",
    }
    return evolve(
        look,
        framework_version=sidefiles.text(config, "transformers_version"),
        details={**look.details, **{name: value for name, value in shown.items() if value}},
    )


SHARDED = Format(
    "sharded", _sharded, _study_sharded, marks=(*INDEXES, "*-*-of-*.safetensors", "*-*-of-*.bin")
)
HUGGING_FACE = Format(
    "huggingface",
    _one_file,
    _study_one_file,
    marks=("trainer_state.json", "pytorch_model.bin", "model.safetensors", "adapter_config.json"),
)
