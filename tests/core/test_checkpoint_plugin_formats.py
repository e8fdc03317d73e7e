"""A plugin's format that hangs is left behind: other checkpoints are listed, and it is not asked again."""

from __future__ import annotations

from pathlib import Path

import pytest

from distributions import FORMATS, distribution
from runctl_core.checkpoints import broken, describe, find
from runctl_core.checkpoints.formats import installed

from . import checkpoint_files as files

HANGS = """
import threading
from runctl_core.api import Format, Look

asked = []
go = threading.Event()

def look(path):
    asked.append(path)
    go.wait()
    return Look(True)

FORMAT = Format("slow", look, suffixes=(".slow",))
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the path that plugins come from, in a process that has looked at none."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("RUNCTL_PLUGINS", raising=False)
    monkeypatch.setattr(installed, "_formats", None)
    monkeypatch.setattr(installed, "_broken", {})
    monkeypatch.setattr(installed, "_hung", set())
    return tmp_path


def _folder(site: Path) -> Path:
    folder = site / "checkpoints"
    folder.mkdir()
    for name in ("a.slow", "b.slow", "step-1.pt"):
        (folder / name).write_bytes(files.torch())
    return folder


def test_a_look_that_hangs_is_given_up_and_not_tried_again(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = distribution(site, f"{site.name}-slow", HANGS, {FORMATS: {"slow": "FORMAT"}})
    monkeypatch.setattr(installed, "LOOK_TIMEOUT_S", 0.1)
    found = {Path(one.path).name: one for one in find(str(_folder(site)))}
    plugin = __import__(module)
    plugin.go.set()
    assert (found["step-1.pt"].complete, found["a.slow"].complete, found["b.slow"].complete) == (
        True,
        False,
        False,
    )
    assert len(plugin.asked) == 1, "ten thousand files would each wait for it"
    assert "did not end within" in broken()[0].error


def test_an_import_that_hangs_is_given_up(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "import threading\ngo = threading.Event()\ngo.wait()\n"
    distribution(site, f"{site.name}-stuck", source, {FORMATS: {"stuck": "FORMAT"}})
    monkeypatch.setattr(installed, "LOAD_TIMEOUT_S", 0.1)
    assert [Path(one.path).name for one in find(str(_folder(site)))] == ["step-1.pt"]
    assert [one.name for one in broken()] == ["stuck"]


def test_a_plugin_is_loaded_once_a_process(site: Path) -> None:
    count = "from pathlib import Path\nPath(__file__).with_name('count').open('a').write('x')\n"
    source = count + HANGS.replace("go.wait()", "")
    distribution(site, f"{site.name}-counted", source, {FORMATS: {"slow": "FORMAT"}})
    folder = _folder(site)
    find(str(folder))
    assert describe(str(folder / "a.slow")).format == "slow"
    assert (site / "count").read_text() == "x"
