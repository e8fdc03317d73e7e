"""runctl-local holds the contract of providers: the author's kit, on this computer's own slots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.local_cloud import SlotsCloud
from runctl_core.models.resources import ResourceRequest, ResourceState
from runctl_core.testing import ProviderSuite
from runctl_local.provider import LocalProvider
from runctl_local.settings import Settings


class TestLocal(ProviderSuite):
    """The whole suite."""

    entry_point = "local"
    wanted = ResourceRequest(instance_type="cpu")
    costs_nothing = True
    idle_state = ResourceState.STARTING

    @pytest.fixture
    def cloud(self, tmp_path: Path) -> Iterator[SlotsCloud]:
        made = SlotsCloud(tmp_path / "home")
        yield made
        made.close()

    def make_provider(self, cloud: SlotsCloud) -> LocalProvider:
        return LocalProvider(Settings(str(cloud.directory)))
