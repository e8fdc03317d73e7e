"""DeepSpeed's folders: a file of each rank, and beside the folder a file `latest` with its name.

The first file says how many ranks there were, so that one that never wrote is missed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from attrs import evolve

from runctl_core.checkpoints.formats.folders import all_whole, counted, names_in
from runctl_core.checkpoints.regular import opened
from runctl_core.models.checkpoints import Format, Look

_MODEL = re.compile(r"mp_rank_(\d+)_model_states\.pt\Z")
_OPTIMIZER = re.compile(r"(?:bf16_|fp16_)?zero_pp_rank_(\d+)_mp_rank_(\d+)_optim_states\.pt\Z")
_PART = re.compile(r"zero_pp_rank_(\d+)_mp_rank_(\d+)_model_states\.pt\Z")
_FILES = re.compile(r".*_(model|optim)_states\.pt\Z")


def look(path: str) -> Look:
    """Whether each rank's file is there and whole."""
    names = sorted(name for name in names_in(path) if _FILES.match(name))
    found = all_whole(path, names)
    if not found.complete:
        return found
    models = [int(match[1]) for match in map(_MODEL.match, names) if match]
    parts = [(int(match[1]), int(match[2])) for match in map(_PART.match, names) if match]
    optimizer = [(int(match[1]), int(match[2])) for match in map(_OPTIMIZER.match, names) if match]
    if not models and not parts:
        return Look(False, "no model states in it")
    described = _described(path, names, found)
    data, model = _ranks(described, "dp_world_size"), _ranks(described, "mp_world_size")
    if missing := _missing(models, model if models else 0):
        return Look(False, f"missing: mp_rank_{missing[0]:02d}_model_states.pt")
    for rows, kind in ((parts, "model"), (optimizer, "optim")):
        if rows and (gap := _gap(rows, data, model)):
            return Look(False, f"missing: zero_pp_rank_{gap[0]}_mp_rank_{gap[1]:02d}_{kind}_states.pt")
    return evolve(described, details={**described.details, "files": len(names)})


def _study(path: str) -> Look:
    return counted(look(path), path, sorted(name for name in names_in(path) if _FILES.match(name)))


def _described(path: str, names: list[str], found: Look) -> Look:
    """What the first file says, and the tensors of all."""
    from runctl_core.checkpoints import pickles
    from runctl_core.checkpoints.formats import pytorch_contents

    first = next(name for name in names if name.endswith("_model_states.pt"))
    try:
        root = pytorch_contents.root_of(os.path.join(path, first))
        said = pytorch_contents.with_contents(Look(True), root)
    except pickles.Unreadable as error:
        return evolve(found, problem=f"not verified: {first} does not say how many ranks there were: {error}")
    kept = {key: said.details[key] for key in ("dp_world_size", "mp_world_size") if key in said.details}
    return evolve(
        found,
        step=said.step,
        epoch=said.epoch,
        metrics=said.metrics,
        framework="deepspeed",
        framework_version=said.framework_version if said.framework == "deepspeed" else "",
        details=kept,
    )


def _ranks(look: Look, name: str) -> int:
    """How many there were; 0 when the file does not say, or says what cannot be."""
    count = look.details.get(name)
    return count if isinstance(count, int) and 0 < count <= _MOST_RANKS else 0


_MOST_RANKS = 100_000


def _missing(ranks: Iterable[int], count: int) -> list[int]:
    have = set(ranks)
    return sorted(set(range(count or max(have, default=-1) + 1)) - have)


def _gap(rows: list[tuple[int, int]], data: int, model: int) -> tuple[int, int] | None:
    """The first pair of ranks that has no file."""
    have = set(rows)
    data = data or max(rank for rank, _ in rows) + 1
    model = model or max(rank for _, rank in rows) + 1
    if len(have) >= data * model:
        return None
    return next((d, m) for d in range(data) for m in range(model) if (d, m) not in have)


def latest_of(path: str) -> str:
    """The folder that a file `latest` in `path` names; empty for none, or for one that is elsewhere."""
    try:
        with opened(os.path.join(path, "latest")) as file:
            name = file.read(300).decode().strip()
    except (OSError, ValueError):
        return ""
    return os.path.join(path, name) if name and os.path.basename(name) == name and name != ".." else ""


DEEPSPEED = Format(
    "deepspeed", look, _study, marks=("*mp_rank_*_model_states.pt", "*mp_rank_*_optim_states.pt")
)
