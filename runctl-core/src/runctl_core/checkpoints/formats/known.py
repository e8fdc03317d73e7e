"""Which format a file or folder belongs to, by its name and the names in it: nothing is opened.

Runctl's own formats come first. Plugins' are imported when something fits none of them, once a process.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from fnmatch import translate

from runctl_core.checkpoints.formats import installed
from runctl_core.checkpoints.formats.deepspeed import DEEPSPEED
from runctl_core.checkpoints.formats.distributed import DISTRIBUTED
from runctl_core.checkpoints.formats.files import BY_SUFFIX, FILES
from runctl_core.checkpoints.formats.folders import names_in
from runctl_core.checkpoints.formats.huggingface import HUGGING_FACE, INDEXES, SHARD, SHARDED
from runctl_core.checkpoints.formats.orbax import ORBAX, UNFINISHED
from runctl_core.models.checkpoints import Format

FOLDERS = (SHARDED, DISTRIBUTED, DEEPSPEED, ORBAX, HUGGING_FACE)
"""Formats of folders; the first one with a mark in a folder claims it."""

NAMES = frozenset(form.name for form in (*FILES, *FOLDERS))


COMPANIONS = frozenset(
    "training_args.bin optimizer.pt optimizer.bin scheduler.pt scheduler.bin scaler.pt sampler.bin"
    " rng_state.pth".split()
)
"""What trainers write beside a model: nothing to resume from by itself, though it is whole and the newest."""


def claim(path: str, is_dir: bool) -> Format | None:
    """The format that a file or folder belongs to by its name; None for something else.

    One shard of several is none by itself: whoever resumed from it would have a part of the model.
    """
    return claim_folder(path) if is_dir else claim_file(os.path.basename(path))


def claim_file(name: str) -> Format | None:
    """The format of a file of this name."""
    if name in COMPANIONS or ("-of-" in name and SHARD.search(name)):
        return None
    suffix = os.path.splitext(name)[1].lower()
    return BY_SUFFIX.get(suffix) or installed.by_suffix(suffix, NAMES)


def claim_folder(path: str) -> Format | None:
    """The format of a folder, by the names in it; None also for one that cannot be read."""
    if UNFINISHED in os.path.basename(path):
        return ORBAX
    try:
        names = names_in(path)
    except OSError:
        return None
    return own_claim(names) or installed.by_marks(names, NAMES)


def of_plugins() -> list[Format]:
    """The formats that plugins bring, loaded now if they were not."""
    return installed.formats(NAMES)


def own_claim(names: Collection[str]) -> Format | None:
    """The format of runctl's own with a mark among these names."""
    return next((form for form, marks in _MARKS if any(map(marks, names))), None)


def made_of_parts(folder: str) -> Format | None:
    """The format of a folder whose files are nothing by themselves; None when each stands for itself.

    Few names are asked for, because there may be ten thousand.
    """
    for form, names in _TELLING:
        if any(os.path.isfile(os.path.join(folder, name)) for name in names):
            return form
    return None


_TELLING = (
    (SHARDED, INDEXES),
    (DISTRIBUTED, (".metadata",)),
    (DEEPSPEED, ("mp_rank_00_model_states.pt", "zero_pp_rank_0_mp_rank_00_model_states.pt")),
    (ORBAX, ("_CHECKPOINT_METADATA", "_METADATA", "manifest.ocdbt")),
)


def _matcher(marks: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, marks)))


_MARKS = tuple((form, _matcher(form.marks).match) for form in FOLDERS)
