"""What each distribution says of itself: what it needs, what it brings, who may install it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable
from configparser import ConfigParser
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement

from installers import PACKAGES

ROOT = Path(__file__).parents[2]
NAMES = {"attr": "attrs", "runctl_core": "runctl-core", "runctl_local": "runctl-local"}
"""Distributions whose import name is another."""

EXTRAS = {
    "dashboard": "top",
    "rest": "rest",
    "testing": "test",
    "transport/keys.py": "ssh",
    "transport/ssh": "ssh",
}
"""Packages and modules of the core that only an extra makes usable."""

FOR_AUTHORS = {"test"}
"""Extras that nobody needs who only trains: `all` leaves them out."""

PROGRAMS = {"uv"}
"""Dependencies that are run, and not imported."""

EXCLUDED = {"typer": "!=0.29.*"}
"""Versions that are known to be bad. Nothing else may bound a third party from above."""

every_distribution = pytest.mark.parametrize("name", PACKAGES)


class Wheel:
    """The metadata of a built wheel."""

    def __init__(self, folder: Path, name: str) -> None:
        (path,) = folder.glob(f"{PACKAGES[name]}-*.whl")
        archive = ZipFile(path)
        (info,) = {file.partition("/")[0] for file in archive.namelist() if ".dist-info/" in file}
        self.metadata = Metadata.from_email(archive.read(f"{info}/METADATA"))
        self.entry_points = ConfigParser()
        self.entry_points.read_string(archive.read(f"{info}/entry_points.txt").decode())

    @property
    def requirements(self) -> list[Requirement]:
        """Every dependency, those of extras included."""
        return list(self.metadata.requires_dist or [])


@every_distribution
def test_the_metadata_says_what_a_registry_shows(name: str, wheels: Path) -> None:
    said = Wheel(wheels, name).metadata
    assert said.name == name
    assert said.summary
    assert said.license_expression == "Apache-2.0"
    assert str(said.requires_python) == ">=3.11"
    assert said.description_content_type == "text/markdown"
    assert said.description == (ROOT / name / "README.md").read_text()
    assert "Typing :: Typed" in (said.classifiers or [])


@every_distribution
def test_the_version_is_the_one_that_the_package_tells(name: str, wheels: Path) -> None:
    text = (ROOT / name / "src" / PACKAGES[name] / "__init__.py").read_text()
    told = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    assert told is not None
    assert str(Wheel(wheels, name).metadata.version) == told[1]


def test_the_distributions_are_versioned_together(wheels: Path) -> None:
    assert len({str(Wheel(wheels, name).metadata.version) for name in PACKAGES}) == 1


@every_distribution
def test_siblings_are_wanted_of_the_same_minor_version(name: str, wheels: Path) -> None:
    said = Wheel(wheels, name)
    version = said.metadata.version
    fitting = f"<{version.major}.{version.minor + 1},>={version.major}.{version.minor}"
    siblings = {str(r.specifier) for r in said.requirements if r.name in PACKAGES}
    assert siblings == {fitting}, f"{name} would be installed beside another API than its own"


@every_distribution
def test_third_parties_have_a_floor_and_no_cap(name: str, wheels: Path) -> None:
    for requirement in Wheel(wheels, name).requirements:
        if requirement.name in PACKAGES:
            continue
        bounds = {str(bound) for bound in requirement.specifier} - {EXCLUDED.get(requirement.name)}
        assert [bound[:2] for bound in bounds] == [">="], (
            f"{name} wants {requirement}: a floor and no cap, so that it installs beside a user's packages"
        )


def test_the_script_runctl_is_the_cores_alone(wheels: Path) -> None:
    scripts = {name: dict(Wheel(wheels, name).entry_points["console_scripts"]) for name in PACKAGES}
    assert scripts == {
        "runctl-core": {"runctl": "runctl_core.__main__:main"},
        "runctl-local": {"runctl-local": "runctl_local.script:main"},
    }


def test_the_provider_and_its_command_are_found_by_name(wheels: Path) -> None:
    entries = Wheel(wheels, "runctl-local").entry_points
    assert dict(entries["runctl.providers"]) == {"local": "runctl_local.plugin"}
    assert dict(entries["runctl.commands"]) == {"local": "runctl_local.command:app"}
    assert Wheel(wheels, "runctl-core").entry_points.sections() == ["console_scripts"]


def test_the_core_depends_on_no_provider(wheels: Path) -> None:
    extras = [r for r in Wheel(wheels, "runctl-core").requirements if r.name in PACKAGES]
    assert [str(r.marker) for r in extras] == ['extra == "all"']


@every_distribution
def test_what_is_imported_is_declared_and_what_is_declared_is_imported(name: str, wheels: Path) -> None:
    declared = _wanted(wheels, name, None)
    imported = _imported(ROOT / name / "src", EXTRAS) - {name}
    assert imported - declared == set(), "a user who installs this wheel alone meets an ImportError"
    assert declared - imported - PROGRAMS == set(), "a user installs this for nothing"


@pytest.mark.parametrize("package", EXTRAS)
def test_an_extra_brings_what_its_package_imports_and_nothing_else(package: str, wheels: Path) -> None:
    core = "runctl-core"
    imported = _imported(ROOT / core / "src" / "runctl_core" / package, ()) - {core}
    extra = _wanted(wheels, core, EXTRAS[package])
    assert imported - _wanted(wheels, core, None) == extra
    everything = _wanted(wheels, core, "all")
    assert EXTRAS[package] in FOR_AUTHORS or extra <= everything, "who installs all of it lacks something"


def _wanted(wheels: Path, name: str, extra: str | None) -> set[str]:
    """What a distribution always needs, or what an extra of it brings."""
    marker = None if extra is None else f'extra == "{extra}"'
    return {r.name for r in Wheel(wheels, name).requirements if (r.marker and str(r.marker)) == marker}


def _imported(source: Path, without: Iterable[str]) -> set[str]:
    """The distributions that the code below a folder imports, but for some of its folders."""
    modules: set[str] = set()
    for path in [source] if source.is_file() else source.rglob("*.py"):
        if any(f"/{folder}/" in f"{path.as_posix()}/" for folder in without):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add(node.module or "")
    tops = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names
    return {NAMES.get(top, top) for top in tops}
