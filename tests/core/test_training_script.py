"""How a script is started: the documented order, and what is chosen is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runctl_core.errors import NotFound, SetupError, UsageError
from runctl_core.training.script import Kind, detect

PEP_723 = '# /// script\n# dependencies = ["six"]\n# ///\nprint(1)\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a `uv` and a Python on PATH, and a plain script in a folder of it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("uv", "python3"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    root = tmp_path / "repo"
    (root / "src").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "src" / "train.py").write_text("print(1)\n")
    monkeypatch.chdir(root)
    return root


def test_the_order_of_detection(project: Path) -> None:
    script = "src/train.py"
    assert detect(script).kind is Kind.PLAIN
    (project / "requirements.txt").write_text("six\n")
    assert detect(script).kind is Kind.REQUIREMENTS
    (project / "pyproject.toml").write_text("[tool.ruff]\n")
    assert detect(script).kind is Kind.REQUIREMENTS
    (project / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert detect(script).kind is Kind.PYPROJECT
    (project / "uv.lock").write_text("")
    assert detect(script).kind is Kind.UV_LOCK
    (project / script).write_text(PEP_723)
    assert detect(script).kind is Kind.PEP_723
    assert detect(script, python="python3").kind is Kind.INTERPRETER


def test_the_nearest_folder_wins_and_the_repository_is_the_border(project: Path) -> None:
    (project.parent / "uv.lock").write_text("")
    (project.parent / "pyproject.toml").write_text("[project]\n")
    assert detect("src/train.py").kind is Kind.PLAIN
    (project / "uv.lock").write_text("")
    (project / "pyproject.toml").write_text("[project]\n")
    (project / "src" / "requirements.txt").write_text("")
    assert detect("src/train.py").kind is Kind.REQUIREMENTS


def test_what_runs(project: Path) -> None:
    path = str(project / "src" / "train.py")
    launch = detect("src/train.py", ["--lr", "0.1"])
    assert launch.command == (str(project.parent / "bin" / "python3"), path, "--lr", "0.1")
    assert launch.setup == ()
    Path(path).write_text(PEP_723)
    launch = detect("src/train.py", ["x"])
    uv = str(project.parent / "bin" / "uv")
    assert launch.command == (uv, "run", "--no-active", "--script", path, "x")
    assert launch.setup == ((uv, "sync", "--no-active", "--script", path),)
    assert "PEP 723" in launch.chosen


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('dependencies = ["six", "attrs>=2"]', ["--with", "six", "--with", "attrs>=2"]),
        ("", []),
        ('requires-python = ">=3.12"', ["--python", ">=3.12"]),
        ('dependencies = ["six"]\n[build-system]\nrequires = []', ["--with-editable", "."]),
        ('dependencies = ["six"]\n[tool.uv.sources]\nsix = {path = "."}', ["--with-editable", "."]),
        ('dynamic = ["dependencies"]', ["--with-editable", "."]),
    ],
)
def test_a_project_that_is_no_package_is_not_built(project: Path, text: str, told: list[str]) -> None:
    (project / "pyproject.toml").write_text(f"[project]\nname = 'x'\n{text}\n")
    command = detect("src/train.py").command
    words = command[command.index("--no-project") + 1 : command.index("--")]
    assert [str(project) if word == "." else word for word in told] == list(words)


def test_what_was_looked_for_before_is_told(project: Path) -> None:
    before = ("a PEP 723 header", "uv.lock", "pyproject.toml", "requirements.txt")
    assert detect("src/train.py").looked_for == before
    (project / "requirements.txt").write_text("six\n")
    found = detect("src/train.py")
    assert found.chosen == "packages from requirements.txt: uv run"
    assert found.looked_for == before[:3]


def test_a_project_file_that_is_no_toml_is_told_by_its_place(project: Path) -> None:
    (project / "pyproject.toml").write_text("[project]\nname = \n")
    with pytest.raises(SetupError) as caught:
        detect("src/train.py")
    assert "line 2" in caught.value.why


@pytest.mark.parametrize(
    ("text", "is_block"),
    [
        (PEP_723, True),
        (PEP_723.replace("\n", "\r\n"), True),
        ("#!/usr/bin/env python\n# a comment\n" + PEP_723, True),
        ("# /// script\nprint(1)\n", False),
        ("# /// other\n# x = 1\n# ///\n", False),
        ("text = '''\n# /// script'''\n", False),
    ],
)
def test_pep_723_blocks_are_told_apart(project: Path, text: str, is_block: bool) -> None:
    (project / "src" / "train.py").write_bytes(text.encode())
    assert (detect("src/train.py").kind is Kind.PEP_723) == is_block


def test_executables_and_what_is_neither(project: Path) -> None:
    path = project / "train"
    path.write_text("#!/bin/sh\n")
    with pytest.raises(UsageError, match="neither a Python file nor executable"):
        detect("train")
    path.chmod(0o755)
    assert detect("train", ["a"]).command == (str(path), "a")


def test_what_is_missing_is_told_with_the_mend(project: Path) -> None:
    with pytest.raises(NotFound) as caught:
        detect("src/trian.py")
    assert caught.value.fix == f"runctl train {os.path.join('src', 'train.py')}"
    with pytest.raises(UsageError, match="is a directory"):
        detect("src")
    (project.parent / "bin" / "python3").unlink()
    with pytest.raises(SetupError) as missing:
        detect("src/train.py")
    assert "--python" in missing.value.fix
