"""A machine's folder: what runs in it has its home there, and nothing of it outlives the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import runctl_core
from runctl_core.runner import processes
from runctl_core.testing.fakes import ending

OFF = 255
"""How a command ends that comes to a machine which is off; it is not started."""

_ENTER = 'cd "$0/home" && [ -e ../on ] || exit 255; cd "$1" || exit 254; shift; exec env -i "$@"'
"""Goes in first and looks then: who turns the machine off finds those inside, and nobody starts later."""


class Sandbox:
    """One machine's folder, with its `home`. Off at first.

    Args:
        folder: Where; made when it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.home = self.folder / "home"
        self._on = self.folder / "on"
        self._used = False
        for made in (self.home, self.folder / "tmp"):
            made.mkdir(parents=True, exist_ok=True)

    @property
    def on(self) -> bool:
        """Whether the machine runs."""
        return self._on.exists()

    def turn_on(self) -> None:
        """Let commands run."""
        self._on.touch()

    def turn_off(self) -> None:
        """End all that runs, and let nothing start from now on. Files stay."""
        self._on.unlink(missing_ok=True)
        if self._used:
            ending.end(str(self.folder), processes)

    def remove(self) -> None:
        """Turn off, and delete the files."""
        self.turn_off()
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self) -> dict[str, str]:
        """What a command finds there. Nothing of this process's own environment, where secrets may be."""
        path = os.environ.get("PATH", os.defpath)
        return {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "LOGNAME": "trainer",
            "PATH": f"{os.path.dirname(sys.executable)}:{path}",
            "SHELL": "/bin/sh",
            "TMPDIR": str(self.folder / "tmp"),
            "USER": "trainer",
            ending.MARK: str(self.folder),
        }

    def command(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str | None = None
    ) -> list[str]:
        """What to execute here so that `argv` runs there. Ends with `OFF` when the machine is off.

        Args:
            argv: The program and its arguments.
            env: More variables.
            cwd: Where, from the home on; the home itself by default.
        """
        self._used = True
        variables = [f"{name}={value}" for name, value in {**self.environment(), **(env or {})}.items()]
        return ["sh", "-c", _ENTER, str(self.folder), cwd or ".", *variables, *argv]


class Watch:
    """Ends what runs below a folder when this very process dies, however it dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder.resolve())
        self._program: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start watching. Idempotent."""
        if self._program is None:
            core = os.path.dirname(os.path.abspath(runctl_core.__file__))
            argv = [sys.executable, "-I", "-S", ending.__file__, core, self._folder]
            null = subprocess.DEVNULL
            self._program = subprocess.Popen(
                argv, cwd="/", stdin=subprocess.PIPE, stdout=null, stderr=null, start_new_session=True
            )

    def finish(self) -> None:
        """End what is left now, and watch no longer."""
        if self._program is not None:
            ending.end(self._folder, processes)
            stdin: IO[bytes] | None = self._program.stdin
            assert stdin is not None  # noqa: S101  it was asked for
            stdin.close()
            self._program.wait()
            self._program = None
