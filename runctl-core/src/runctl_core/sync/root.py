"""Where a project begins."""

from __future__ import annotations

import os
from collections.abc import Iterator

_MARKS = ("pyproject.toml", "uv.lock", "requirements.txt", "setup.py", "runctl.toml")


def project_root(path: str) -> str:
    """The folder of the project that a script, or a folder, belongs to: the nearest one upwards that is a
    repository, else the nearest that has a project's file, else the script's own. Never a home."""
    full = os.path.abspath(path)
    start = full if os.path.isdir(full) else os.path.dirname(full)
    above = list(_upwards(start))
    for folder in above:
        if os.path.lexists(os.path.join(folder, ".git")):
            return folder
    for folder in above:
        if any(os.path.isfile(os.path.join(folder, name)) for name in _MARKS):
            return folder
    return start


def _upwards(folder: str) -> Iterator[str]:
    home = os.path.expanduser("~")
    while folder not in (home, os.path.dirname(folder)):
        yield folder
        folder = os.path.dirname(folder)
