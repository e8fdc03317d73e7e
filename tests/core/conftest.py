"""Commands over a cloud in memory, each as a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.cleanup_world import World
from core.fake_cloud import Cloud
from core.processes import Commands
from runctl_core.tracking import ResourceTracker


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """What a user does, over one cloud and one state directory."""
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path))
    return Commands(str(tmp_path / "state.db"), Cloud())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A cloud, and the books of somebody who cleans up there."""
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path))
    cloud = Cloud()
    with ResourceTracker(str(tmp_path / "state.db"), clock=cloud.clock) as tracker:
        yield World(tracker, cloud)
