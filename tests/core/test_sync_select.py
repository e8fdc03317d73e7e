"""What goes to a machine, and what stays."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from runctl_core.errors import NotFound, Refused, SetupError, UsageError
from runctl_core.sync import project_root, select
from syncing import git, names, put, write


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a commit, a change, a file that is not tracked and one that is ignored."""
    root = tmp_path / "project"
    write(root, _dot_gitignore="data/\n", train="1", lib__a="1", data__x="1")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    write(root, train="2", new="1")
    return root


def test_what_git_tracks_or_would_track_goes(project: Path) -> None:
    assert names(project) == {".gitignore", "train", "lib/a", "new"}


def test_commit_and_changes_are_recorded(project: Path) -> None:
    chosen = select(str(project))
    assert chosen.commit == git(project, "rev-parse", "HEAD").strip()
    assert chosen.dirty
    assert b"+2" in chosen.diff()


def test_the_recorded_changes_make_the_same_files_of_the_commit(project: Path, tmp_path: Path) -> None:
    put(project, "lib/a", b"\0binary\xff")
    patch = tmp_path / "patch"
    patch.write_bytes(select(str(project)).diff())
    git(project, "checkout", "-q", ".")
    git(project, "apply", str(patch))
    assert (project / "lib/a").read_bytes() == b"\0binary\xff", "what was trained cannot be made again"


def test_a_file_that_is_tracked_and_deleted_does_not_go(project: Path) -> None:
    (project / "lib/a").unlink()
    assert "lib/a" not in names(project)


def test_an_ignored_path_goes_when_it_is_asked_for(project: Path) -> None:
    write(project, data__sub__y="1")
    assert names(project, "data/x") - names(project) == {"data/x"}
    assert names(project, "data") - names(project) == {"data/x", "data/sub/y"}
    assert names(project, str(project / "data/x")) == names(project, "data/x")


def test_what_is_asked_for_and_is_not_there_is_named(project: Path) -> None:
    with pytest.raises(NotFound, match="data/z"):
        select(str(project), include=["data/z"])


def test_nothing_outside_of_the_project_can_be_asked_for(project: Path, tmp_path: Path) -> None:
    put(tmp_path, "secret", "1")
    with pytest.raises(UsageError, match="outside"):
        select(str(project), include=["../secret"])


def test_files_of_submodules_go_at_every_depth(project: Path, tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    for folder in (inner, outer):
        write(folder, code="1", _dot_gitignore="junk\n")
        git(folder, "init", "-q")
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", "first")
    git(outer, "submodule", "add", "-q", str(inner), "inner")
    git(outer, "commit", "-qm", "with a submodule")
    git(project, "submodule", "add", "-q", str(outer), "outer")
    git(project, "submodule", "update", "-q", "--init", "--recursive")
    write(project, outer__inner__new="1", outer__inner__junk="1")
    found = names(project)
    assert {"outer/code", "outer/inner/code", "outer/inner/new"} <= found
    assert "outer/inner/junk" not in found
    rules = {left.path: left.rule for left in select(str(project)).left_out}
    assert rules["outer/inner/junk"] == "outer/inner/.gitignore:1:junk"


def test_a_repository_that_lies_in_another_goes_without_its_git_folder(project: Path) -> None:
    write(project, vendored__a="1")
    git(project / "vendored", "init", "-q")
    assert {name for name in names(project) if name.startswith("vendored")} == {"vendored/a"}


def test_a_project_in_a_folder_that_a_repository_ignores_goes(project: Path) -> None:
    write(project, data__mine__train="1", data__mine___dot_gitignore="junk\n", data__mine__junk="1")
    assert names(project / "data/mine") == {"train", ".gitignore"}


@pytest.mark.parametrize("in_git", [True, False])
def test_sockets_and_pipes_stay_and_are_named(tmp_path: Path, in_git: bool, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    socket.socket(socket.AF_UNIX).bind("socket")
    put(tmp_path, "train", "1")
    if in_git:
        git(tmp_path, "init", "-q")
    assert names(tmp_path) == {"train"}
    assert {"pipe", "socket"} <= {left.path for left in select(str(tmp_path)).left_out}


def test_a_link_that_leads_out_stays_and_one_inside_goes(tmp_path: Path) -> None:
    root = tmp_path / "project"
    put(tmp_path, "big/x", "1")
    put(root, "lib/a", "1")
    (root / "big").symlink_to(tmp_path / "big")
    (root / "inside").symlink_to("lib/a")
    (root / "absolute").symlink_to(root / "lib")
    (root / "lib/up").symlink_to("../../big")
    chosen = select(str(root))
    links = {entry.path: entry.link for entry in chosen.files if entry.link}
    assert links == {"inside": "lib/a", "absolute": "lib"}, "a link would lead nowhere on the machine"
    assert {left.path for left in chosen.left_out} == {"big", "lib/up"}


def test_a_link_that_leads_out_brings_what_it_leads_to_when_it_is_asked_for(tmp_path: Path) -> None:
    root = tmp_path / "project"
    put(tmp_path, "big/sub/x", "12")
    put(root, "a", "1")
    (root / "big").symlink_to(tmp_path / "big")
    (root / "one").symlink_to(tmp_path / "big/sub/x")
    chosen = select(str(root), include=["big", "one"])
    assert {entry.path: (entry.size_bytes, entry.link) for entry in chosen.files} == {
        "a": (1, None),
        "big/sub/x": (2, None),
        "one": (2, None),
    }
    assert not chosen.left_out


@pytest.mark.parametrize("in_git", [True, False])
def test_a_virtual_environment_stays(tmp_path: Path, in_git: bool) -> None:
    write(tmp_path, env__lib__a="1", train="1")
    put(tmp_path, "env/pyvenv.cfg", "home = /usr/bin\n")
    if in_git:
        git(tmp_path, "init", "-q")
    assert names(tmp_path) == {"train"}
    assert "env/" in {left.path for left in select(str(tmp_path)).left_out}


def test_a_home_is_never_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    put(tmp_path, "home/train", "1")
    for root in (tmp_path / "home", tmp_path, Path("/")):
        with pytest.raises(Refused, match="too much"):
            select(str(root))


def test_what_git_refuses_to_read_is_an_error_and_not_an_empty_project(project: Path) -> None:
    (project / ".git/HEAD").write_text("damaged")
    (project / ".git/index").write_text("damaged")
    with pytest.raises(SetupError, match="git cannot list"):
        select(str(project))


def test_two_thousand_files_are_chosen_in_less_than_a_tenth_of_a_second(tmp_path: Path) -> None:
    for number in range(2000):
        put(tmp_path, f"d{number % 40}/f{number}", "1")
    git(tmp_path, "init", "-q")
    times = []
    for _ in range(5):
        begun = time.process_time()
        assert len(select(str(tmp_path)).files) == 2000
        times.append(time.process_time() - begun)
    assert min(times) < 0.1, "each launch would wait for the choice"


def test_the_project_of_a_script_is_its_repository_then_its_project_file(tmp_path: Path) -> None:
    put(tmp_path, "repo/pkg/train.py", "")
    put(tmp_path, "repo/pkg/pyproject.toml", "")
    assert project_root(str(tmp_path / "repo/pkg/train.py")) == str(tmp_path / "repo/pkg")
    (tmp_path / "repo/.git").mkdir()
    assert project_root(str(tmp_path / "repo/pkg/train.py")) == str(tmp_path / "repo")
    put(tmp_path, "alone/train.py", "")
    assert project_root(str(tmp_path / "alone/train.py")) == str(tmp_path / "alone")
