"""The provider keeps every promise of the contract, on real OpenSSH servers."""

from decimal import Decimal

import pytest
from own_machines import OwnMachines
from runctl_ssh.plugin import Settings
from runctl_ssh.provider import SSH

from runctl_core.testing import ProviderSuite


class TestSSH(ProviderSuite):
    """The kit's checks."""

    entry_point = "ssh"

    @pytest.fixture
    def cloud(self, gpus):
        """One machine with eight GPUs."""
        yield OwnMachines(gpus)
        gpus.clear()

    def make_provider(self, cloud):
        """The provider, as the settings of a user would make it."""
        (one,) = cloud.there
        way = {"key_file": one.key_file, "known_hosts": one.known_hosts}
        return SSH(Settings(hosts=[one.host], hourly_usd=Decimal("0.25"), **way))
