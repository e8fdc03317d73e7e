"""The kit, as the author of this provider ran it at plugin API 1."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runctl_core.testing import ProviderSuite
from runctl_core.testing.fakes import FakeCloud
from runctl_frozen.provider import Frozen


class TestFrozen(ProviderSuite):
    entry_point = "frozen"

    @pytest.fixture
    def cloud(self, tmp_path: Path, seed: int) -> Iterator[FakeCloud]:
        with FakeCloud(tmp_path / "cloud", seed=seed) as cloud:
            yield cloud

    def make_provider(self, cloud: FakeCloud) -> Frozen:
        return Frozen(cloud)
