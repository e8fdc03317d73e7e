"""The programs that run a script, and its paths: in the terms of this computer, or of a machine elsewhere.

A machine that shares no files has the code below a folder of its own, and programs of its own: there the
script's paths are relative to the folder that it runs in, and uv is brought when it is missing.
"""

from __future__ import annotations

import os
import shutil
import sys

from attrs import frozen

from runctl_core.errors import SetupError

Program = tuple[str, ...]

# Each program of a job is started anew, so each looks for uv where the first may have put it.
_FOUND = 'PATH="$PATH:$HOME/.local/bin:$HOME/.cache/runctl/uv/bin"'
_BRING_UV = f"""{_FOUND}
command -v uv && exit
echo 'uv is not on this machine: bringing it'
python3 -m venv "$HOME/.cache/runctl/uv" && "$HOME/.cache/runctl/uv/bin/python" -m pip install -q uv && exit
echo 'it needs the module venv and a way to a package index; or install uv there, or name --python' >&2
exit 1
"""


class Here:
    """This computer: absolute paths, and programs as they are found on PATH."""

    prepared: tuple[Program, ...] = ()
    """Set-up programs that uv needs before it can be used."""

    def path(self, path: str) -> str:
        """What the script is given for an absolute path of this computer."""
        return path

    def script(self, path: str) -> str:
        """The same for a file that is executed itself."""
        return path

    def uv(self, needed_by: str) -> Program:
        """How uv begins. Raises SetupError when it is not installed."""
        beside = os.path.join(os.path.dirname(sys.executable), "uv")
        program = shutil.which("uv") or shutil.which(beside)
        if program is None:
            raise SetupError(
                "uv is not installed",
                why=f"{needed_by} names packages, and uv makes their environment",
                fix="pip install uv, or --python PYTHON with one that has the packages",
            )
        return (program,)

    def interpreter(self, name: str) -> str:
        """The program that the user named. Raises SetupError when it is not there."""
        program = shutil.which(os.path.expanduser(name))
        if program is None:
            raise SetupError(f"no interpreter {name}", fix="--python /path/to/python")
        return os.path.abspath(program)

    def python(self) -> str:
        """The Python for a plain script. Raises SetupError when there is none."""
        for name in ("python3", "python"):
            if program := shutil.which(name):
                return program
        raise SetupError(
            "no Python on PATH to run the script with",
            why="neither python3 nor python is in any folder of PATH",
            fix=f"--python {sys.executable}",
        )


@frozen
class There(Here):
    """A machine elsewhere, which has the code as it is below `workdir` here.

    Attributes:
        workdir: The folder of this computer that stands for the one that the script runs in there.
    """

    workdir: str

    prepared = (("sh", "-c", _BRING_UV),)

    def path(self, path: str) -> str:
        """See `Here.path`."""
        return os.path.relpath(path, self.workdir)

    def script(self, path: str) -> str:
        """See `Here.script`."""
        return os.path.join(".", self.path(path))

    def uv(self, needed_by: str) -> Program:  # noqa: ARG002
        """See `Here.uv`."""
        return ("sh", "-c", f'{_FOUND} exec "$0" "$@"', "uv")

    def interpreter(self, name: str) -> str:
        """See `Here.interpreter`; whether it is there shows when it is started."""
        return name

    def python(self) -> str:
        """See `Here.python`."""
        return "python3"
