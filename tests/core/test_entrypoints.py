"""Entry points read from files are those that importlib.metadata finds."""

from __future__ import annotations

import importlib.metadata
import sys
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from runctl_core._entrypoints import entry_points, summary

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)


def _theirs(group: str, path: list[str] | None = None) -> set[tuple[str, str, str]]:
    found = set()
    seen = set()
    for distribution in importlib.metadata.distributions(path=path if path is not None else sys.path):
        key = distribution.metadata["Name"].lower().replace("-", "_").replace(".", "_")
        if key not in seen:
            seen.add(key)
            found |= {
                (p.name, p.value, distribution.version) for p in distribution.entry_points if p.group == group
            }
    return found


def _ours(group: str, path: list[str] | None = None) -> set[tuple[str, str, str]]:
    return {(p.name, p.value, p.version) for p in entry_points(group, path)}


def test_the_environment_of_these_tests_is_read_alike() -> None:
    groups = {p.group for d in importlib.metadata.distributions() for p in d.entry_points}
    assert "console_scripts" in groups
    for group in groups:
        assert _ours(group) == _theirs(group), group


@given(st.lists(st.tuples(st.integers(0, 1), NAMES, st.dictionaries(NAMES, NAMES, max_size=3)), max_size=6))
def test_any_tree_of_distributions_is_read_alike(distributions: list) -> None:
    with tempfile.TemporaryDirectory() as root:
        folders = [Path(root, "first"), Path(root, "second")]
        for folder in folders:
            folder.mkdir()
        for which, name, points in distributions:
            info = folders[which] / f"{name}-1.{which}.dist-info"
            info.mkdir(exist_ok=True)
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.{which}\nSummary: s\n"
            )
            lines = "".join(f"{key} = mod.{value}:app\n" for key, value in points.items())
            (info / "entry_points.txt").write_text(f"[other]\nx = y\n\n[g]\n# c\n{lines}")
        path = [str(folder) for folder in folders]
        assert _ours("g", path) == _theirs("g", path)
        assert all(summary(point) == "s" for point in entry_points("g", path))


def test_folders_that_are_not_there_are_passed_over(tmp_path: Path) -> None:
    assert entry_points("g", [str(tmp_path / "nowhere"), str(tmp_path), ""]) == []
