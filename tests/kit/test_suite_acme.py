"""A provider that keeps every promise passes the whole kit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.acme import Acme
from kit.acme_cloud import AcmeCloud
from runctl_core.testing import ProviderSuite


class TestAcme(ProviderSuite):
    """Every check of every profile but `live` holds."""

    plugin_module = "kit.acme"

    @pytest.fixture
    def cloud(self, tmp_path: Path) -> Iterator[AcmeCloud]:
        made = AcmeCloud(tmp_path / "cloud")
        yield made
        made.close()

    def make_provider(self, cloud: AcmeCloud) -> Acme:
        return Acme(cloud)
