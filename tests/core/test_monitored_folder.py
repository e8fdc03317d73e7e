"""`runctl monitor` looks at a folder five times a second: it opens what has changed, and tells it once."""

from __future__ import annotations

from pathlib import Path

from runctl_core.cli.monitor import Folder

from . import checkpoint_files as files
from .opened_files import files_opened


def test_what_has_not_changed_is_not_opened_again(tmp_path: Path) -> None:
    for step in range(5):
        (tmp_path / f"step-{step}.pt").write_bytes(files.torch())
    folder = Folder(str(tmp_path))
    assert len(list(folder.news())) == 5
    with files_opened() as opened:
        assert list(folder.news()) == []
    assert opened == [str(tmp_path)], "watching a folder takes a processor from the training beside it"


def test_a_checkpoint_is_told_when_it_is_new_and_when_its_verdict_changes(tmp_path: Path) -> None:
    folder, path = Folder(str(tmp_path)), tmp_path / "step-1.pt"
    told = []
    for content in (files.torch()[:100], files.torch()[:200], files.torch(), files.torch() + b"x"):
        path.write_bytes(content)
        told.append([found.complete for found in folder.news()])
    assert told == [[False], [], [True], [False]]


def test_a_folder_that_is_not_there_yet_has_no_news(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "later"))
    assert list(folder.news()) == []
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "step-1.pt").write_bytes(files.torch())
    assert [found.step for found in folder.news()] == [3], "the step in the pickle counts"
