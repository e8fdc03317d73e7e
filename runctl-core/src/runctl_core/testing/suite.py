"""`ProviderSuite`: every check, for an author to inherit."""

from __future__ import annotations

from runctl_core.testing.capability_checks import CapabilityChecks
from runctl_core.testing.chaos_checks import ChaosChecks
from runctl_core.testing.create_checks import CreateChecks
from runctl_core.testing.errors_checks import ErrorsChecks
from runctl_core.testing.executor_checks import ExecutorChecks
from runctl_core.testing.guard import Guard
from runctl_core.testing.inspection_checks import InspectionChecks
from runctl_core.testing.job_ends_checks import JobEndsChecks
from runctl_core.testing.job_files_checks import JobFilesChecks
from runctl_core.testing.listing_checks import ListingChecks
from runctl_core.testing.live_checks import LiveChecks
from runctl_core.testing.logs_checks import LogsChecks
from runctl_core.testing.offers_checks import OffersChecks
from runctl_core.testing.plugin_checks import PluginChecks
from runctl_core.testing.reconnect_checks import ReconnectChecks
from runctl_core.testing.terminate_checks import TerminateChecks
from runctl_core.testing.threads_checks import ThreadsChecks


class ProviderSuite(
    Guard,
    PluginChecks,
    OffersChecks,
    CreateChecks,
    ListingChecks,
    TerminateChecks,
    ErrorsChecks,
    CapabilityChecks,
    ThreadsChecks,
    ExecutorChecks,
    LogsChecks,
    JobEndsChecks,
    JobFilesChecks,
    ReconnectChecks,
    InspectionChecks,
    ChaosChecks,
    LiveChecks,
):
    """Holds a provider to the contract. An author's suite inherits it, and says how the provider is made.

    Example:
        class TestMyCloud(ProviderSuite):
            entry_point = "mycloud"

            @pytest.fixture
            def cloud(self, tmp_path, seed):
                with FakeCloud(tmp_path, seed=seed) as cloud:
                    yield cloud

            def make_provider(self, cloud):
                return MyCloud(Settings(...))
    """
