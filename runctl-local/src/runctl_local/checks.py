"""What `runctl doctor` looks at on this computer."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator

from runctl_core.api import Check, ProviderUnavailable, Verdict
from runctl_local.gpus import list_gpus
from runctl_local.settings import Settings


def checks(settings: Settings) -> Iterator[Check]:
    """The slots' directory, uv, Python on PATH, and the GPUs."""
    yield _directory(settings.home)
    yield _program("uv", os.path.join(os.path.dirname(sys.executable), "uv"), "pip install uv")
    yield _program("python3", "python", "install Python, or use --python")
    yield _gpus(settings)


def _directory(path: str) -> Check:
    there = path
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    if os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK):
        return Check("slots", Verdict.OK, path)
    fix = "runctl config set providers.local.directory FOLDER"
    return Check("slots", Verdict.FAILED, f"{there} is no folder that can be written", fix)


def _program(name: str, other: str, fix: str) -> Check:
    found = shutil.which(name) or shutil.which(other)
    if found:
        return Check(name, Verdict.OK, found)
    return Check(name, Verdict.WARNING, "not found on PATH", fix)


def _gpus(settings: Settings) -> Check:
    try:
        gpus = list_gpus(settings.nvidia_smi)
    except ProviderUnavailable as error:
        return Check("GPUs", Verdict.WARNING, f"{error.message}: {error.why}", error.fix)
    names = ", ".join(gpu.name for gpu in gpus)
    return Check("GPUs", Verdict.OK, names or f"none: {settings.nvidia_smi} is not installed")
