"""A home whose commands tell what they imported."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from homes import RUNCTL, Home

WITNESS = Path(__file__).parent / "witness"


class Seen(NamedTuple):
    """What one process did: the modules that it imported, and the attrs classes that it made."""

    modules: frozenset[str]
    classes: tuple[str, ...]

    @property
    def foreign(self) -> set[str]:
        """The third-party packages among the modules."""
        tops = {module.partition(".")[0] for module in self.modules}
        return {top for top in tops - sys.stdlib_module_names if not top.startswith("runctl_")}


class WatchedHome(Home):
    """A home in which a finished run is, and whose commands testify."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.told = root / "told"
        self.told.mkdir()
        self.write("empty.py", "")
        self.write("long.py", "import time; time.sleep(300)")
        assert self.runctl("train", "empty.py").returncode == 0

    def command(self, *words: str) -> Seen:
        """Run the installed command, and say what it imported."""
        return self.witness([RUNCTL, *words])

    def python(self, program: str) -> Seen:
        """Run a program, and say what it imported."""
        return self.witness([sys.executable, "-c", program])

    def witness(self, argv: list[str]) -> Seen:
        """Run a Python program to its end, and say what it imported."""
        env = {**self.env, "PYTHONPATH": str(WITNESS), "WITNESS": str(self.told)}
        process = subprocess.Popen(
            argv, cwd=self.work, env=env, stdin=subprocess.DEVNULL, stdout=-1, stderr=-1
        )
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
        modules, classes = ast.literal_eval((self.told / str(process.pid)).read_text())
        return Seen(frozenset(modules), tuple(classes))


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> WatchedHome:
    """One home for all of them: looking at it changes nothing."""
    return WatchedHome(tmp_path_factory.mktemp("house"))
