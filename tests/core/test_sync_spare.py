"""The next tree is made of a spare copy of the last one: quick, and nobody else's all the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from homes import wait_for
from syncing import Machine, contents, deliver, put, write


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path / "state"))
    root = tmp_path / "project"
    write(root, train="1", lib__a="a", lib__b="b", gone__deep__c="c", folder__x="x")
    (root / "link").symlink_to("lib/a")
    return root


def _deliver_and_wait(root: Path, there: Path) -> Path:
    before = os.stat(there / "spare").st_ino if (there / "spare").is_dir() else None
    tree = deliver(Machine(), root, there).tree
    wait_for(
        lambda: (there / "spare").is_dir() and os.stat(there / "spare").st_ino != before,
        why="no spare was made: each change would write every file",
    )
    return Path(tree)


def test_a_tree_that_is_made_of_the_spare_is_exact(project: Path, tmp_path: Path) -> None:
    _deliver_and_wait(project, tmp_path / "there")
    spare = os.stat(tmp_path / "there/spare").st_ino
    put(project, "train", "2")
    (project / "lib/b").chmod(0o755)
    (project / "gone/deep/c").unlink()
    (project / "gone/deep").rmdir()
    (project / "gone").rmdir()
    put(project, "gone", "a file where a folder was")
    (project / "folder/x").rename(project / "moved")
    (project / "link").unlink()
    (project / "link").symlink_to("lib/b")
    second = Path(deliver(Machine(), project, tmp_path / "there").tree)
    assert second.stat().st_ino == spare, "the spare was not used"
    assert contents(second) == contents(project)
    assert not (second / "folder").exists(), "an empty folder is left of what was removed"


def test_two_trees_share_no_file(project: Path, tmp_path: Path) -> None:
    first = _deliver_and_wait(project, tmp_path / "there")
    put(project, "train", "2")
    second = _deliver_and_wait(project, tmp_path / "there")
    with open(second / "lib/a", "a") as file:
        file.write(" and what a job wrote")
    put(project, "train", "3")
    third = Path(deliver(Machine(), project, tmp_path / "there").tree)
    assert (first / "lib/a").read_text() == "a", "a job writes into the files of another"
    assert contents(third) == contents(project), "a job's change goes to the next one"


def test_a_spare_that_was_damaged_is_not_used(project: Path, tmp_path: Path) -> None:
    _deliver_and_wait(project, tmp_path / "there")
    (tmp_path / "there/spare/lib/a").write_text("z")
    put(project, "train", "2")
    assert contents(deliver(Machine(), project, tmp_path / "there").tree) == contents(project)
