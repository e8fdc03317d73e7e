"""The suite of the small provider, or of the broken one that `SMALL_PROVIDER` names. Tests run it in a pytest
of its own."""

from __future__ import annotations

import os
from importlib import import_module

import pytest

from kit.small_cloud import SmallCloud
from runctl_core.testing import ProviderSuite

MODULE, _, NAME = os.environ.get("SMALL_PROVIDER", "kit.small_provider:SmallProvider").partition(":")


class TestSmall(ProviderSuite):
    """Every check."""

    plugin_module = MODULE
    ready_s = float(os.environ.get("SMALL_READY_S", "60"))

    @pytest.fixture
    def cloud(self, tmp_path):
        cloud = SmallCloud(tmp_path / "cloud")
        yield cloud
        cloud.close()

    def make_provider(self, cloud):
        return getattr(import_module(MODULE), NAME)(cloud)
