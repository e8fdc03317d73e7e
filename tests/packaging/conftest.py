"""The built distributions, and a machine on which nothing of ours is installed yet."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from installers import PACKAGES, Machine

ROOT = Path(__file__).parents[2]


def build(kind: str, folder: Path) -> None:
    """Build every distribution into a folder; `kind` is a flag of `uv build`."""
    for name in PACKAGES:
        subprocess.run(["uv", "build", "-q", kind, "-o", str(folder), str(ROOT / name)], check=True)


@pytest.fixture(scope="session")
def wheels() -> Iterator[Path]:
    """A folder of the wheels, the session's own or freshly built ones, where none ever was.

    Installers keep what they once unpacked by a wheel's path and version, and never look again: where
    an older build of the same version was, they would install that.
    """
    given = os.environ.get("RUNCTL_WHEELS")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given:
            shutil.copytree(given, folder, dirs_exist_ok=True)
        else:
            build("--wheel", folder)
        yield folder


@pytest.fixture(scope="session")
def sdists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the source distributions."""
    folder = tmp_path_factory.mktemp("sdists")
    build("--sdist", folder)
    return folder


@pytest.fixture
def machine(tmp_path: Path, wheels: Path) -> Machine:
    """A user's account with an empty home, for which our wheels are published."""
    return Machine(tmp_path, wheels)
