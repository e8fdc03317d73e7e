"""Paths that a script reads and that do not go with it: it would fail on the machine."""

from __future__ import annotations

import os

from attrs import frozen

from runctl_core.sync.opened import opened_paths
from runctl_core.sync.selection import Selection


@frozen
class Missed:
    """A path that a script reads, that is here, and that would not be there.

    Attributes:
        path: Below the project's root.
        line: The script's line that names it.
    """

    path: str
    line: int


def missed(script: str, selection: Selection, *, directory: str) -> list[Missed]:
    """What a script reads that stays here, by line.

    Args:
        script: The script.
        selection: What goes.
        directory: Where the script is started; relative paths are meant from there, or from its folder.
    """
    if not script.endswith(".py"):
        return []
    with open(script, "rb") as file:
        named = opened_paths(file.read())
    bases = dict.fromkeys((directory, os.path.dirname(os.path.abspath(script)), selection.root))
    found: dict[str, Missed] = {}
    for text, line in named:
        for base in bases:
            path = os.path.relpath(os.path.join(base, text), selection.root)
            if path.split("/")[0] not in ("..", ".") and "\0" not in text and _stays(path, selection):
                found.setdefault(path, Missed(path, line))
    return list(found.values())


def _stays(path: str, selection: Selection) -> bool:
    """Whether a path is here, has something, and nothing of it goes."""
    full = os.path.join(selection.root, path)
    if not os.path.exists(full) or (os.path.isdir(full) and not os.listdir(full)):
        return False
    return not any(entry.path == path or entry.path.startswith(f"{path}/") for entry in selection.files)
