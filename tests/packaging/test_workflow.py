"""What CI runs is what `nox` runs here: the same sessions, for the same providers and Pythons."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def noxfile() -> ModuleType:
    """The list of jobs."""
    spec = importlib.util.spec_from_file_location("noxfile", ROOT / "noxfile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    """The jobs of the workflow."""
    document: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    return dict(document["jobs"])


def test_the_matrix_is_every_provider_on_every_python(noxfile: ModuleType, jobs: dict[str, Any]) -> None:
    matrix = jobs["tests"]["strategy"]["matrix"]
    assert tuple(matrix["provider"]) == noxfile.PROVIDERS
    assert tuple(matrix["python"]) == noxfile.PYTHONS


def test_every_default_session_is_a_job(noxfile: ModuleType, jobs: dict[str, Any]) -> None:
    import nox

    others = [name for name in nox.options.sessions if not name.startswith("tests-")]
    assert jobs["checks"]["strategy"]["matrix"]["session"] == others


def test_the_jobs_run_those_sessions_by_nox(jobs: dict[str, Any]) -> None:
    commands = {name: [step.get("run", "") for step in job["steps"]] for name, job in jobs.items()}
    tests = "nox -s \"tests-${{ matrix.python }}(provider='${{ matrix.provider }}')\""
    assert tests in commands["tests"]
    assert "nox -s ${{ matrix.session }}" in commands["checks"]


def test_the_matrix_begins_where_the_packages_do(noxfile: ModuleType) -> None:
    for name in noxfile.DISTRIBUTIONS:
        text = (ROOT / name / "pyproject.toml").read_text()
        assert f'requires-python = ">={noxfile.PYTHONS[0]}"' in text


def test_each_session_says_what_it_is_for(noxfile: ModuleType) -> None:
    text = (ROOT / "noxfile.py").read_text()
    names = re.findall(r"@nox\.session.*\n(?:@.*\n)*def (\w+)", text)
    silent = [name for name in names if not getattr(noxfile, name).func.__doc__]
    assert names
    assert not silent, f"`nox -l` is the contributor's map, and says nothing of {silent}"


def test_the_machines_own_python_is_used_when_it_is_not_in_the_matrix(
    noxfile: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noxfile, "PYTHONS", ("9.8", "9.9"))
    (own,) = noxfile.interpreters()
    assert own.count(".") == 1


def test_a_python_that_only_stands_on_the_path_is_none(
    noxfile: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for version, status in (("9.8", 127), ("9.9", 0)):
        program = tmp_path / f"python{version}"
        program.write_text(f"#!/bin/sh\nexit {status}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(noxfile, "PYTHONS", ("9.8", "9.9"))
    assert noxfile.interpreters() == ["9.9"]
