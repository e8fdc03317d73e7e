"""The built distributions, and a machine on which nothing of ours is installed yet."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from installers import Machine

ROOT = Path(__file__).parents[2]


def build(kind: str, folder: Path) -> None:
    """Build every distribution into a folder; `kind` is a flag of `uv build`."""
    for name in ("runctl-core", "runctl-local"):
        subprocess.run(["uv", "build", "-q", kind, "-o", str(folder), str(ROOT / name)], check=True)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the wheels: the session's own, or freshly built ones."""
    given = os.environ.get("RUNCTL_WHEELS")
    if given:
        return Path(given)
    folder = tmp_path_factory.mktemp("wheels")
    build("--wheel", folder)
    return folder


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
