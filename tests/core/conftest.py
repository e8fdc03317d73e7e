"""Commands over a cloud in memory, each as a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.fake_cloud import Cloud
from core.processes import Commands


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """What a user does, over one cloud and one state directory."""
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path))
    return Commands(str(tmp_path / "state.db"), Cloud())
