"""`runctl providers new`: what it writes, where, and what it refuses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import schemas
from distributions import PROVIDERS, distribution, hook
from homes import Home
from lines_of_code import lines_of_code
from runctl_core.scaffold import Kind, Names, package, write

KINDS: tuple[Kind, ...] = ("rest", "sdk", "jobs")
MOST_LINES = 100


def refused(home: Home, status: int, *words: str) -> str:
    """What a command says when it ends with an error."""
    done = home.runctl(*words)
    assert done.returncode == status, done.stderr.decode()
    return done.stderr.decode()


def test_the_plugin_of_a_rest_cloud_has_less_than_a_hundred_lines() -> None:
    files = package(Names("my-cloud"), "rest")
    held = {
        path: lines_of_code(text)
        for path, text in files.items()
        if path.startswith("src/") and path.endswith(".py")
    }
    assert "src/runctl_my_cloud/provider.py" in held
    assert sum(held.values()) < MOST_LINES, held


@pytest.mark.parametrize("kind", KINDS)
def test_no_place_of_a_template_is_left_open(kind: Kind) -> None:
    files = package(Names("my-cloud"), kind)
    open_ = [path for path, text in files.items() if "@{" in path + text]
    assert not open_
    assert {"pyproject.toml", ".gitignore", ".github/workflows/ci.yml", "README.md"} <= set(files)


@pytest.mark.parametrize("kind", KINDS)
def test_the_workflow_is_one_that_runs(kind: Kind, tmp_path: Path) -> None:
    write(str(tmp_path / "new"), package(Names("my-cloud"), kind))
    workflow = tmp_path / "new/.github/workflows/ci.yml"
    done = subprocess.run(["actionlint", str(workflow)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_recorded_result_is_not_left_out_of_the_wheel(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    write(str(folder), package(Names("my-cloud"), "rest"))
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    record = "src/runctl_my_cloud/conformance.json"
    done = subprocess.run(["git", "-C", str(folder), "check-ignore", record], capture_output=True)
    assert done.returncode == 1, "what git ignores is in no wheel, and users would see: not recorded"


def test_a_new_core_is_kept_from_nobody() -> None:
    text = package(Names("my-cloud"), "rest")["pyproject.toml"]
    assert "runctl-core[rest,ssh]>=" in text
    assert "<" not in text, "a cap on the core keeps users from every mend of it"


def test_what_is_written_is_told_as_a_document(home: Home) -> None:
    document = home.json("providers", "new", "my-cloud")
    schemas.check("providers new", document)
    folder = Path(document["path"])
    assert folder == home.work / "runctl-my-cloud"
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert found == sorted(document["files"])


def test_the_next_commands_are_told(home: Home) -> None:
    done = home.runctl("providers", "new", "my-cloud", "--directory", "there/it")
    assert done.stdout.decode() == f"{home.work / 'there/it'}\n"
    assert "next: pip install -e 'there/it[test]' && pytest there/it" in done.stderr.decode()


def test_the_next_commands_name_a_folder_elsewhere_as_it_is(home: Home, tmp_path: Path) -> None:
    done = home.runctl("providers", "new", "my-cloud", "--directory", str(tmp_path / "it"))
    assert f"pytest {tmp_path / 'it'}" in done.stderr.decode()


@pytest.mark.parametrize(
    "name", ["My", "my_cloud", "-my", "my--cloud", "", "1st", "a/b", "any", "core", "x" * 25, "ö", "my\n"]
)
def test_a_name_that_no_provider_may_have_is_refused(home: Home, name: str) -> None:
    said = refused(home, 101, "providers", "new", "--directory", "new", "--", name)
    assert "name" in said or "meaning" in said
    assert not (home.work / "new").exists()


def test_a_name_that_an_installed_provider_has_is_refused(home: Home, tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    distribution(plugins, "runctl-theirs", hook("theirs"), {PROVIDERS: {"theirs": ""}})
    home.env["PYTHONPATH"] = str(plugins)
    said = refused(home, 104, "providers", "new", "theirs")
    assert "a provider theirs is installed already" in said
    assert not (home.work / "runctl-theirs").exists()


def test_a_folder_with_something_in_it_is_left_as_it_is(home: Home) -> None:
    (home.work / "runctl-my-cloud").mkdir()
    (home.work / "runctl-my-cloud/mine.txt").write_text("mine")
    said = refused(home, 104, "providers", "new", "my-cloud")
    assert "is there already" in said
    assert [path.name for path in (home.work / "runctl-my-cloud").iterdir()] == ["mine.txt"]


def test_a_package_that_cannot_be_written_whole_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write(str(tmp_path / "new"), {"a.txt": "whole", "b.txt": "half a character \ud800"})
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    write(str(tmp_path / "new"), {"deep/a.txt": "a"})
    assert (tmp_path / "new/deep/a.txt").read_text() == "a"
