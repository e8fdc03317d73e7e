"""The files of a new package, from the templates; written whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal

from runctl_core.errors import Refused, StateError
from runctl_core.scaffold.names import Names

Kind = Literal["rest", "sdk", "jobs"]
"""Machines behind a REST API, machines behind a Python client of the vendor, or a service for jobs."""

_OF_KIND: Mapping[Kind, Mapping[str, str]] = {
    "rest": {"EXTRAS": "rest,ssh", "FILES": ""},
    "sdk": {
        "EXTRAS": "ssh",
        "FILES": "| `src/@{MODULE}/client.py` | stands for the vendor's Python client |\n",
    },
    "jobs": {
        "EXTRAS": "rest",
        "FILES": "| `src/@{MODULE}/executor.py` | how a job is started, followed and ended |\n",
    },
}
_SUFFIX = ".template"
_PLACE = re.compile(r"@\{([A-Z]+)\}")


def package(names: Names, kind: Kind) -> dict[str, str]:
    """The text of every file of the package, by its path in it."""
    templates = files("runctl_core.scaffold") / "templates"
    found = {**_texts(templates / "common"), **_texts(templates / kind)}
    own = names.all()
    known = own | {name: _filled(text, own) for name, text in _OF_KIND[kind].items()}
    return {_filled(path, known): _filled(text, known) for path, text in sorted(found.items())}


def write(folder: str, texts: Mapping[str, str]) -> None:
    """Write a package into a folder that is empty, or not there yet.

    Raises:
        Refused: Something is in it.
        StateError: It cannot be written; then nothing of it is there.
    """
    try:
        if os.path.lexists(folder) and not (os.path.isdir(folder) and not os.listdir(folder)):
            raise Refused(
                f"{folder} is there already",
                why="nothing is written over",
                fix="take another one with --directory",
            )
        parent = os.path.dirname(os.path.abspath(folder))
        os.makedirs(parent, exist_ok=True)
        coming = tempfile.mkdtemp(prefix=".coming-", dir=parent)
        try:
            _fill(coming, texts)
            os.chmod(coming, 0o777 & ~_umask())
            os.rename(coming, folder)  # takes the place of an empty folder, and of no other
        except BaseException:
            shutil.rmtree(coming, ignore_errors=True)
            raise
    except OSError as error:
        raise StateError(
            f"cannot write {folder}",
            why=error.strerror or str(error),
            fix="take another one with --directory",
        ) from error


def _fill(folder: str, texts: Mapping[str, str]) -> None:
    for path, text in texts.items():
        target = os.path.join(folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "x", encoding="utf-8") as file:
            file.write(text)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _texts(folder: Traversable, prefix: str = "") -> dict[str, str]:
    """Every template below a folder, by its path there. A leading `dot_` stands for a dot."""
    found: dict[str, str] = {}
    for item in folder.iterdir():
        name = re.sub(r"^dot_", ".", item.name)
        if item.is_dir():
            found |= _texts(item, f"{prefix}{name}/")
        elif name.endswith(_SUFFIX):
            found[f"{prefix}{name.removesuffix(_SUFFIX)}"] = item.read_text(encoding="utf-8")
    return found


def _filled(text: str, names: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: names[place[1]], text)
