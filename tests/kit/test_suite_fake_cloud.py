"""The checks of a provider hold on the fake cloud that authors are given, as on any other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.acme import Acme
from runctl_core.testing.capability_checks import CapabilityChecks
from runctl_core.testing.chaos_checks import ChaosChecks
from runctl_core.testing.create_checks import CreateChecks
from runctl_core.testing.errors_checks import ErrorsChecks
from runctl_core.testing.fakes import FakeCloud
from runctl_core.testing.listing_checks import ListingChecks
from runctl_core.testing.offers_checks import OffersChecks
from runctl_core.testing.terminate_checks import TerminateChecks
from runctl_core.testing.threads_checks import ThreadsChecks


class TestAcme(
    OffersChecks,
    CreateChecks,
    ListingChecks,
    TerminateChecks,
    ErrorsChecks,
    CapabilityChecks,
    ThreadsChecks,
    ChaosChecks,
):
    """What there is about the provider itself; its executor has tests of its own."""

    plugin_module = "kit.acme"

    @pytest.fixture
    def cloud(self, tmp_path: Path, seed: int) -> Iterator[FakeCloud]:
        with FakeCloud(tmp_path / "cloud", seed=seed) as cloud:
            yield cloud

    def make_provider(self, cloud: FakeCloud) -> Acme:
        return Acme(cloud)
