"""How a script is started: which programs make its environment, and which one runs it.

Looked for in this order, and the first that holds is taken:

1. an executable that is no `.py` file: run as it is;
2. a PEP 723 block (`# /// script`) in the file: `uv run --script`;
3. the nearest folder upwards, up to the repository's root, that has `uv.lock` (`uv run --project`,
   the lock as it stands), a `pyproject.toml` with a `[project]` table, or `requirements.txt` (both
   in an environment that uv caches; the project gets neither a lock nor a `.venv`);
4. a plain script: `python3`, then `python`, as found on PATH.

An explicit interpreter (`--python`) replaces 2 to 4.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import takewhile
from typing import Any

from attrs import frozen

from runctl_core.errors import NotFound, SetupError, UsageError
from runctl_core.training.place import Here, short

_PEP_723 = re.compile(rb"(?m)^# /// script\s*$\n(?:^#(?:| .*)$\n)+?^# ///\s*$")
_PROJECT_TABLE = re.compile(rb"(?m)^\s*\[\s*project\s*\]")


class Kind(StrEnum):
    """What a script was found to be."""

    EXECUTABLE = "executable"
    INTERPRETER = "interpreter"
    PEP_723 = "pep723"
    UV_LOCK = "uv.lock"
    PYPROJECT = "pyproject"
    REQUIREMENTS = "requirements"
    PLAIN = "plain"


_ORDER = {
    Kind.PEP_723: "a PEP 723 header",
    Kind.UV_LOCK: "uv.lock",
    Kind.PYPROJECT: "pyproject.toml",
    Kind.REQUIREMENTS: "requirements.txt",
}


@frozen
class Launch:
    """How a script is started.

    Attributes:
        kind: What it was found to be.
        command: The program and its arguments, the script's own arguments included.
        setup: Programs that make the environment, in order; empty when nothing is to be made.
        chosen: One line for a person: what was found, and what will run.
    """

    kind: Kind
    command: tuple[str, ...]
    setup: tuple[tuple[str, ...], ...]
    chosen: str

    @property
    def looked_for(self) -> tuple[str, ...]:
        """What would have been taken instead, in the order in which it was looked for."""
        if self.kind in (Kind.EXECUTABLE, Kind.INTERPRETER):
            return ()
        return tuple(takewhile(lambda name: name != _ORDER.get(self.kind), _ORDER.values()))


def detect(
    script: str, args: Sequence[str] = (), *, python: str | None = None, place: Here | None = None
) -> Launch:
    """Find out how `script` is started.

    Args:
        script: The script.
        args: Its own arguments.
        python: The interpreter, when the user names one.
        place: Where it will run; here by default.

    Raises:
        NotFound: There is no such file.
        UsageError: It is a directory, or neither a Python file nor executable, or outside of the project.
        SetupError: A program that it needs (uv, Python) is not on PATH.
    """
    path, place = require_file(script), place or Here()
    if python:
        return _interpreter(path, args, python, place)
    if not path.endswith(".py"):
        return _executable(path, args, place)
    if _has_pep_723(path):
        return _pep_723(path, args, place)
    for folder in _folders_upwards(os.path.dirname(path)):
        if launch := _in_project(folder, path, args, place):
            return launch
    return _plain(path, args, place)


def require_file(script: str) -> str:
    """The absolute path of a script that can be read. Raises NotFound or UsageError."""
    path = os.path.abspath(script)
    if os.path.isdir(path):
        raise UsageError(
            f"{script} is a directory, not a script",
            fix=f"name the file: runctl train {os.path.join(script, 'train.py')}",
        )
    if not os.path.exists(path):
        raise NotFound(f"no script {script}", fix=_near_scripts(path))
    if not os.path.isfile(path):
        raise UsageError(f"{script} is not a regular file", fix="name a script or a program")
    if not os.access(path, os.R_OK):
        raise UsageError(f"{script} cannot be read", fix=f"chmod u+r {script}")
    return path


def _near_scripts(path: str) -> str:
    import difflib

    folder = os.path.dirname(path)
    names = [name for name in _names(folder) if name.endswith(".py")]
    near = difflib.get_close_matches(os.path.basename(path), names, n=1) or names[:1]
    if near:
        return f"runctl train {os.path.relpath(os.path.join(folder, near[0]))}"
    return "check the path; it is taken from the current directory"


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(1 << 20).replace(b"\r\n", b"\n")


def _has_pep_723(path: str) -> bool:
    return _PEP_723.search(_head(path)) is not None


def _folders_upwards(folder: str) -> Iterator[str]:
    home = os.path.expanduser("~")
    while folder not in (home, os.path.dirname(folder)):
        yield folder
        if os.path.exists(os.path.join(folder, ".git")):
            return
        folder = os.path.dirname(folder)


def _in_project(folder: str, path: str, args: Sequence[str], place: Here) -> Launch | None:
    lock, project, requirements = (
        os.path.join(folder, name) for name in ("uv.lock", "pyproject.toml", "requirements.txt")
    )
    prefix: tuple[str, ...]
    if os.path.isfile(lock) and os.path.isfile(project):
        prefix = (*place.uv(lock), "run", "--no-active", "--project", place.path(folder), "--frozen")
        return _with_uv(Kind.UV_LOCK, prefix, path, args, place, f"the lock {short(lock)}")
    if os.path.isfile(project) and _PROJECT_TABLE.search(_head(project)):
        prefix = (*place.uv(project), *_ISOLATED, *_packages(project, place))
        return _with_uv(Kind.PYPROJECT, prefix, path, args, place, f"the project {short(project)}")
    if os.path.isfile(requirements):
        prefix = (*place.uv(requirements), *_ISOLATED, "--with-requirements", place.path(requirements))
        return _with_uv(Kind.REQUIREMENTS, prefix, path, args, place, short(requirements))
    return None


_ISOLATED = ("run", "--isolated", "--no-project")


def _packages(project: str, place: Here) -> Iterator[str]:
    """What uv is told of a project: its Python, and itself, or what it needs when it is no package.

    As uv has it, a project without a build system is none. Its folders are not built, which would
    fail for the many that have several side by side.
    """
    document = _toml(project)
    table, uv = document.get("project", {}), document.get("tool", {}).get("uv", {})
    if python := table.get("requires-python"):
        yield from ("--python", python)
    if "build-system" in document or uv.get("package") or uv.get("sources") or "dynamic" in table:
        yield from ("--with-editable", place.path(os.path.dirname(project)))
    else:
        for requirement in table.get("dependencies", ()):
            yield from ("--with", requirement)


def _toml(path: str) -> dict[str, Any]:
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except ValueError as error:
        raise SetupError(f"{short(path)} is no TOML", why=str(error), fix=f"mend {short(path)}") from error


def _with_uv(
    kind: Kind, prefix: tuple[str, ...], path: str, args: Sequence[str], place: Here, source: str
) -> Launch:
    return Launch(
        kind,
        command=(*prefix, "--", "python", place.path(path), *args),
        setup=(*place.before_uv(), (*prefix, "--", "python", "--version")),
        chosen=f"packages from {source}: uv run",
    )


def _pep_723(path: str, args: Sequence[str], place: Here) -> Launch:
    uv, script = place.uv(path), place.path(path)
    return Launch(
        Kind.PEP_723,
        command=(*uv, "run", "--no-active", "--script", script, *args),
        setup=(*place.before_uv(), (*uv, "sync", "--no-active", "--script", script)),
        chosen="packages from the script's own header (PEP 723): uv run --script",
    )


def _interpreter(path: str, args: Sequence[str], python: str, place: Here) -> Launch:
    program = place.interpreter(python)
    return Launch(Kind.INTERPRETER, (program, place.path(path), *args), (), f"the interpreter {program}")


def _executable(path: str, args: Sequence[str], place: Here) -> Launch:
    if not os.access(path, os.X_OK):
        raise UsageError(
            f"{short(path)} is neither a Python file nor executable",
            fix=f"chmod +x {short(path)}, or --python python3",
        )
    program = os.path.join(os.curdir, place.path(path))  # one without a folder is looked for on PATH
    return Launch(Kind.EXECUTABLE, (program, *args), (), "an executable, run as it is")


def _plain(path: str, args: Sequence[str], place: Here) -> Launch:
    program = place.python()
    return Launch(Kind.PLAIN, (program, place.path(path), *args), (), f"a plain script: {program}")
