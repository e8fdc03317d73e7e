"""What is in each wheel: all of the package, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"runctl-core": "runctl_core", "runctl-local": "runctl_local"}

pytestmark = pytest.mark.parametrize("name", PACKAGES)


def wheel(name: str, folder: Path) -> ZipFile:
    """A distribution's wheel."""
    (found,) = folder.glob(f"{PACKAGES[name]}-*.whl")
    return ZipFile(found)


def source_files(name: str) -> set[str]:
    """Every file of the package, as the wheel names it."""
    source = ROOT / name / "src"
    return {
        str(path.relative_to(source))
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_a_wheel_holds_every_file_of_its_package_and_no_other(name: str, wheels: Path) -> None:
    held = {file for file in wheel(name, wheels).namelist() if ".dist-info/" not in file}
    assert held == source_files(name)


def test_a_wheel_tells_type_checkers_that_it_has_types(name: str, wheels: Path) -> None:
    assert f"{PACKAGES[name]}/py.typed" in wheel(name, wheels).namelist()


def test_a_wheel_brings_the_licence(name: str, wheels: Path) -> None:
    held = wheel(name, wheels)
    (licence,) = [file for file in held.namelist() if file.endswith(".dist-info/licenses/LICENSE")]
    assert held.read(licence) == (ROOT / "LICENSE").read_bytes()


def test_a_source_distribution_makes_the_same_wheel(
    name: str, wheels: Path, sdists: Path, tmp_path: Path
) -> None:
    (archive,) = sdists.glob(f"{PACKAGES[name]}-*.tar.gz")
    subprocess.run(["uv", "build", "-q", "--wheel", "-o", str(tmp_path), str(archive)], check=True)
    made, known = wheel(name, tmp_path), wheel(name, wheels)
    assert {file: made.read(file) for file in made.namelist()} == {
        file: known.read(file) for file in known.namelist()
    }
