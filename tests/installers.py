"""A user's account, and the installers that put runctl on it: pip, uv tool and pipx."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

PACKAGES = {"runctl-core": "runctl_core", "runctl-local": "runctl_local"}
"""Our distributions, and the package of each."""

PROGRAMS = Path(sys.executable).parent
_NOT_A_USERS = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPATH", "VIRTUAL_ENV")


class Machine:
    """An account with an empty home. Installers find our wheels; all else comes from the usual index.

    Attributes:
        root: The home.
        bin: Where commands of tools are: `uv tool` and `pipx` put them there.
    """

    def __init__(self, root: Path, wheels: Path) -> None:
        self.root = root
        self.bin = root / "bin"
        kept = {k: v for k, v in os.environ.items() if k not in _NOT_A_USERS and not k.startswith("RUNCTL_")}
        real_home = Path.home()
        self.env = kept | {
            "HOME": str(root),
            "PATH": f"{self.bin}:{PROGRAMS}:{os.environ['PATH']}",
            # Which index to ask is this computer's business, and what was fetched once is fetched.
            "XDG_CONFIG_HOME": os.environ.get("XDG_CONFIG_HOME", str(real_home / ".config")),
            "UV_CACHE_DIR": _cache("uv", "cache", "dir"),
            "PIP_CACHE_DIR": _cache(sys.executable, "-m", "pip", "cache", "dir"),
            "PIP_FIND_LINKS": f"{wheels} {os.environ.get('PIP_FIND_LINKS', '')}".strip(),
            "UV_FIND_LINKS": str(wheels),
            "UV_TOOL_DIR": str(root / "tools"),
            "UV_TOOL_BIN_DIR": str(self.bin),
            "PIPX_HOME": str(root / "pipx"),
            "PIPX_BIN_DIR": str(self.bin),
            "PIPX_MAN_DIR": str(root / "man"),
            "PIPX_DEFAULT_PYTHON": sys.executable,
            "RUNCTL_STATE_DIR": str(root / "state"),
            "RUNCTL_CONFIG_DIR": str(root / "config"),
        }

    def environment(self) -> Environment:
        """A new virtual environment with nothing in it."""
        folder = self.root / "environment"
        self.run("uv", "venv", "-q", "-p", sys.executable, str(folder))
        return Environment(self, folder)

    def run(self, *argv: str, status: int = 0) -> str:
        """Run a program to its end, and return what it printed on standard output."""
        return self._ended(argv, status).stdout

    def errors(self, *argv: str, status: int) -> str:
        """The same, and return what it printed on standard error."""
        return self._ended(argv, status).stderr

    def _ended(self, argv: Sequence[str], status: int) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            argv, env=self.env, cwd=self.root, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert done.returncode == status, f"{' '.join(argv)}\n{done.stdout}{done.stderr}"
        return done

    def line(self, line: str) -> str:
        """Run a command line as it stands on a page of ours."""
        return self.run(*line.split())

    def providers(self, runctl: str = "runctl") -> list[str]:
        """The names of the providers that the installed command can use."""
        rows: Any = json.loads(self.run(runctl, "providers", "list", "--json"))
        return [row["provider"] for row in rows if row["state"] == "ok"]

    def commands(self) -> list[str]:
        """The commands that tools have put on the path."""
        return sorted(path.name for path in self.bin.iterdir()) if self.bin.exists() else []


class Environment:
    """A virtual environment, changed by pip."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.folder = folder
        self.runctl = str(folder / "bin/runctl")

    def pip(self, *words: str) -> str:
        """Run pip for this environment."""
        python = str(self.folder / "bin/python")
        return self.machine.run(sys.executable, "-m", "pip", "--python", python, *words)

    def install(self, *requirements: str) -> None:
        """What `pip install` does, by uv, which is faster where pip itself is not what is tested."""
        python = str(self.folder / "bin/python")
        self.machine.run("uv", "pip", "install", "-q", "--python", python, *requirements)

    def scripts(self) -> list[str]:
        """Our commands in it."""
        return sorted(path.name for path in (self.folder / "bin").glob("runctl*"))

    def left(self) -> list[str]:
        """Whatever it has of ours, at any depth."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*runctl*"))


@cache
def _cache(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
