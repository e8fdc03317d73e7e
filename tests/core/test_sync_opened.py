"""What a script reads is found in its text, and what stays is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from runctl_core.sync import select
from runctl_core.sync.missed import missed
from runctl_core.sync.opened import opened_paths
from syncing import put

READS = [
    'open("data/x")',
    'Path("data/x").read_text()',
    'Path("data") / "x"',
    'pd.read_csv("data/x")',
    'torch.load(os.path.join("data", "x"))',
    'np.load(file="data/x")',
    'D = "data"\nopen(D + "/x")',
    'D = Path("data")\nopen(D / "x", mode="rb")',
]


@pytest.mark.parametrize("text", READS)
def test_what_a_script_reads_is_found(text: str) -> None:
    assert "data/x" in [path for path, _ in opened_paths(text.encode())], "a script would fail on the machine"


@pytest.mark.parametrize("text", ['open("data/x", "w")', 'print("data/x")', "open(name)", "def (", "\0"])
def test_what_is_not_read_is_not_named(text: str) -> None:
    assert opened_paths(text.encode()) == []


def test_only_what_is_here_and_stays_is_named(tmp_path: Path) -> None:
    put(tmp_path, ".gitignore", "data/\n")
    put(tmp_path, "data/x", "1")
    put(tmp_path, "goes", "1")
    text = 'open("goes")\nopen("not here")\nopen("/etc/passwd")\nopen("data/x")\nopen("..")\n'
    script = put(tmp_path, "train.py", text)
    found = missed(str(script), select(str(tmp_path)), directory=str(tmp_path))
    assert [(one.path, one.line) for one in found] == [("data/x", 4)]
    included = select(str(tmp_path), include=["data/x"])
    assert missed(str(script), included, directory=str(tmp_path)) == []
