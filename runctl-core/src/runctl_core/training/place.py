"""Where a script will run, and so how its command names files and programs: here, or on a machine.

A machine that does not share this computer's files gets the project's folder, wherever it lies there. So
every path of a command is told from the working directory, and every program by its name alone.
"""

from __future__ import annotations

import os
import shutil
import sys

from attrs import frozen

from runctl_core.errors import SetupError, UsageError

Program = tuple[str, ...]

_UV = '${RUNCTL_JOB:-$HOME/.runctl/job}"; uv="${uv%/*}/.uv'
_WITH_UV = f'uv="{_UV}"; PATH="$PATH:$uv/bin"; exec uv "$@"'
_BRING_UV = f"""
uv="{_UV}"
command -v uv >/dev/null || test -x "$uv/bin/uv" && exit 0
echo "uv is not on this machine: installing it in $uv"
new="$uv.$$"
python3 -m venv "$new" && "$new/bin/python" -m pip install -q --disable-pip-version-check uv &&
if test -x "$uv/bin/uv"; then rm -rf "$new"; else rm -rf "$uv" && mv "$new" "$uv"; fi && exit 0
rm -rf "$new"
echo "uv could not be installed: that needs python3 with its venv module, and the network" >&2
echo "install uv on the machine, or: runctl train --python PYTHON with one that has the packages" >&2
exit 1
"""


class Here:
    """This computer: absolute paths, and programs as PATH has them now."""

    def path(self, path: str) -> str:
        """A path as a command names it."""
        return path

    def uv(self, needed_by: str) -> Program:
        """The program uv. Raises SetupError when it is not installed."""
        beside = os.path.join(os.path.dirname(sys.executable), "uv")
        program = shutil.which("uv") or shutil.which(beside)
        if program is None:
            raise SetupError(
                "uv is not installed",
                why=f"{short(needed_by)} names packages, and uv makes their environment",
                fix="pip install uv, or --python PYTHON with one that has the packages",
            )
        return (program,)

    def before_uv(self) -> tuple[Program, ...]:
        """Programs that must run before uv can."""
        return ()

    def python(self) -> str:
        """The interpreter of plain scripts. Raises SetupError when there is none."""
        for name in ("python3", "python"):
            if program := shutil.which(name):
                return program
        raise SetupError(
            "no Python on PATH to run the script with",
            why="neither python3 nor python is in any folder of PATH",
            fix=f"--python {sys.executable}",
        )

    def interpreter(self, python: str) -> str:
        """The interpreter that the user named. Raises SetupError when there is none."""
        program = shutil.which(os.path.expanduser(python))
        if program is None:
            raise SetupError(f"no interpreter {python}", fix="--python /path/to/python")
        return os.path.abspath(program)


@frozen
class There(Here):
    """A machine that gets a copy of the project.

    Attributes:
        root: The project's folder on this computer.
        workdir: The folder on this computer, in `root`, whose copy the command runs in.
    """

    root: str
    workdir: str

    def path(self, path: str) -> str:
        """The path from the working directory. Raises UsageError for one outside of the project."""
        if not _is_in(path, self.root):
            raise UsageError(
                f"{short(path)} is outside of the project {self.root}",
                why="the project's folder alone is brought to the machine",
                fix="move it into the project's folder",
            )
        return os.path.relpath(path, self.workdir)

    def uv(self, needed_by: str) -> Program:  # noqa: ARG002
        """The machine's own uv, or the one that `before_uv` makes."""
        return ("sh", "-c", _WITH_UV, "uv")

    def before_uv(self) -> tuple[Program, ...]:
        """Make uv available on a machine that has none; does nothing the second time."""
        return (("sh", "-c", _BRING_UV),)

    def python(self) -> str:
        """The machine's Python."""
        return "python3"

    def interpreter(self, python: str) -> str:
        """A program of the machine: nobody can look for it here."""
        return python


def place_of(script: str, *, shares_files: bool) -> Here:
    """Where a script runs with a provider whose machines share this computer's files, or do not.

    On a machine it runs where the command was given, when that is in its project, else in its folder.
    """
    if shares_files:
        return Here()
    root, here = code_root(script), os.getcwd()
    return There(root, here if _is_in(here, root) else os.path.dirname(os.path.abspath(script)))


def code_root(script: str) -> str:
    """The folder that goes to a machine with a script: its project's, or else where the command is given."""
    from runctl_core.sync import project_root

    path, here = os.path.abspath(script), os.getcwd()
    root = project_root(path)
    no_project = root == os.path.dirname(path) and _is_in(path, here) and here != os.path.expanduser("~")
    return here if no_project else root


def _is_in(path: str, folder: str) -> bool:
    return os.path.commonpath((path, folder)) == folder


def short(path: str) -> str:
    """The path from the current directory, when it is below that."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
