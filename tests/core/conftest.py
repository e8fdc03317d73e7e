"""Commands over a cloud in memory, each as a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import shelf
from core.cleanup_world import World
from core.fake_cloud import Cloud
from core.processes import Commands
from runctl_core.api import SSHTransport
from runctl_core.tracking import ResourceTracker
from sshd import Server, sshd


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """What a user does, over one cloud and one state directory."""
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path))
    monkeypatch.setattr("runctl_core.training.begin.START_PAUSES_S", (0.0, 0.0))
    return Commands(str(tmp_path / "state.db"), Cloud())


@pytest.fixture
def shelves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> shelf.ShelfFolder:
    """The store of `tests/shelf.py`, installed."""
    (tmp_path / "plugins").mkdir()
    shelf.install(tmp_path / "plugins")
    monkeypatch.syspath_prepend(str(tmp_path / "plugins"))
    monkeypatch.setenv("SHELF_DIR", str(tmp_path / "shelves"))
    return shelf.ShelfFolder(tmp_path / "shelves")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A cloud, and the books of somebody who cleans up there."""
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path))
    cloud = Cloud()
    with ResourceTracker(str(tmp_path / "state.db"), clock=cloud.clock) as tracker:
        yield World(tracker, cloud)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A machine that OpenSSH serves."""
    with sshd(tmp_path_factory.mktemp("sshd")) as found:
        yield found


@pytest.fixture
def over_ssh(server: Server) -> Iterator[SSHTransport]:
    """A way to it, not yet used."""
    transport = SSHTransport(server.host, port=server.port, **server.trusted)
    yield transport
    transport.close()
