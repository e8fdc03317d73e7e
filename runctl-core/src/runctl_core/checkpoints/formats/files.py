"""The formats of single files, by suffix."""

from __future__ import annotations

import os

from runctl_core.checkpoints.formats.keras import HDF5, KERAS
from runctl_core.checkpoints.formats.numpy_archive import NPZ
from runctl_core.checkpoints.formats.opaque import PICKLE
from runctl_core.checkpoints.formats.pytorch import TORCH, TORCH_BINARY
from runctl_core.checkpoints.formats.safetensors import SAFETENSORS
from runctl_core.models.checkpoints import Format

FILES = (TORCH, TORCH_BINARY, SAFETENSORS, KERAS, HDF5, NPZ, PICKLE)
BY_SUFFIX = {suffix: form for form in FILES for suffix in form.suffixes}


def by_suffix(path: str) -> Format | None:
    """The format of a file that runctl knows itself, also of one that is a part of a checkpoint."""
    return BY_SUFFIX.get(os.path.splitext(path)[1].lower())
