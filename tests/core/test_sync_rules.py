"""Ignore files are read as git reads them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runctl_core.sync import select
from syncing import git, names, put, write

_PARTS = st.sampled_from(
    ["a", "b", "ab", "a b", "é", "x.log", "y.csv", "[a]", "!b", "#c", "a\nb", "\udce9", "-"]
)
_PATHS = st.lists(_PARTS, min_size=1, max_size=4).map("/".join)
_SPECIAL = [
    "*",
    "**",
    "?",
    "/",
    "[ab]",
    "[!a]",
    "[^b]",
    "[a-c]",
    "[[:alpha:]]",
    "[]]",
    "[",
    "\\",
    "[é]",
    "[\\]]",
    "[a-]",
]
_PLAIN = ["a", "b", ".log", "é", " ", "!", "#", ".", "x", "\\*", "\\!", "\\ ", "-", "\r"]
_PIECES = st.sampled_from([*_SPECIAL, *_PLAIN])
_LINES = st.lists(_PIECES, min_size=1, max_size=5).map("".join)
_RULES = st.lists(st.one_of(_LINES, _LINES.map(lambda line: f"!{line}"), _PATHS), max_size=5)


def _by_git(root: Path) -> set[str]:
    """What git, in a repository, would track."""
    git(root, "init", "-q")
    argv = ["git", "-C", str(root), "-c", "core.excludesFile=/dev/null"]
    argv += ["ls-files", "-z", "-o", "--exclude-standard"]
    found = subprocess.run(argv, capture_output=True, check=True).stdout.split(b"\0")
    return {os.fsdecode(name) for name in found if name}


def _make(root: Path, paths: list[str], rules: dict[str, list[str]]) -> None:
    for path in paths:
        full = root / path
        try:
            full.parent.mkdir(parents=True, exist_ok=True)
            full.write_bytes(b"")
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue  # it is a folder and a file at once: one of them is enough
    for folder, lines in rules.items():
        if (root / folder).is_dir():
            (root / folder / ".gitignore").write_bytes(os.fsencode("\n".join(lines)))


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(_PATHS, min_size=1, max_size=12), st.dictionaries(st.sampled_from(["", "a", "a/b", "b"]), _RULES)
)
@example(["a/b/x.log", "a/b/y"], {"": ["*.log", "a/*", "!a/b/"]})
@example(["a/x", "a/b"], {"": ["a/", "!a/b"]})
@example(["a/b/a/b", "a/a/b"], {"": ["/a/**/b", "!a/a"]})
@example(["a\nb/x.log"], {"": ["*.log"]})
@example(["é", "a"], {"": ["?"]})
def test_without_a_repository_the_same_files_go_as_with_one(
    paths: list[str], rules: dict[str, list[str]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _make(root, paths, rules)
        ours = names(root)
        assert ours == _by_git(root), "a file that the script needs would be missing, or a secret would go"


def test_each_path_that_stays_has_its_rule(tmp_path: Path) -> None:
    write(tmp_path, _dot_gitignore="# big\n/data/\n", sub___dot_gitignore="*.tmp\n!keep.tmp\n")
    write(tmp_path, data__x="1", sub__a="1", sub__b="1")
    put(tmp_path, "sub/c.tmp", "1")
    put(tmp_path, "sub/keep.tmp", "1")
    expected = {"data/": ".gitignore:2:/data/", "sub/c.tmp": "sub/.gitignore:1:*.tmp"}
    assert {left.path: left.rule for left in select(str(tmp_path)).left_out} == expected
    git(tmp_path, "init", "-q")
    by_git = {left.path: left.rule for left in select(str(tmp_path)).left_out if left.rule}
    assert by_git == expected, "with git, the rule would be another one"


@pytest.mark.parametrize("in_git", [True, False])
def test_runctlignore_takes_away_what_git_has(tmp_path: Path, in_git: bool) -> None:
    write(tmp_path, _dot_runctlignore="docs/\n*.pdf\n!paper.pdf\n", docs__a="1", train="1")
    put(tmp_path, "a.pdf", "1")
    put(tmp_path, "paper.pdf", "1")
    if in_git:
        git(tmp_path, "init", "-q")
        git(tmp_path, "add", "-A")
    assert names(tmp_path) == {".runctlignore", "train", "paper.pdf"}
    rules = {left.path: left.rule for left in select(str(tmp_path)).left_out}
    assert rules["a.pdf"] == ".runctlignore:2:*.pdf"
