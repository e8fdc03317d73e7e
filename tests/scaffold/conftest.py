"""A clean environment with the core's wheel, and in it the packages that the scaffold writes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from installers import Environment, Machine

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheels() -> Iterator[Path]:
    """A folder with the core's wheel, the session's own or a fresh one, where none ever was.

    Installers keep what they once unpacked by a wheel's path and version, and never look again.
    """
    given = os.environ.get("RUNCTL_WHEELS")
    with tempfile.TemporaryDirectory() as name:
        if given:
            shutil.copytree(given, name, dirs_exist_ok=True)
        else:
            subprocess.run(
                ["uv", "build", "-q", "--wheel", "-o", name, str(ROOT / "runctl-core")], check=True
            )
        yield Path(name)


@pytest.fixture(scope="session")
def author(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An author's machine, on which nothing of ours is but the core, from its wheel."""
    environment = Machine(tmp_path_factory.mktemp("author"), wheels).environment()
    (core,) = wheels.glob("runctl_core-*.whl")
    environment.install(f"{core}[rest,ssh,test]", "mypy", "pytest-xdist", "ruff")
    return environment
