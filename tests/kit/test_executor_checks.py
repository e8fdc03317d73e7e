"""The executor checks of the kit hold on a provider that keeps its promises."""

from __future__ import annotations

import pytest

from kit.small_cloud import SmallCloud, SmallProvider
from runctl_core.testing.executor_checks import ExecutorChecks
from runctl_core.testing.inspection_checks import InspectionChecks
from runctl_core.testing.job_ends_checks import JobEndsChecks
from runctl_core.testing.job_files_checks import JobFilesChecks
from runctl_core.testing.logs_checks import LogsChecks
from runctl_core.testing.reconnect_checks import ReconnectChecks


class TestSmall(ExecutorChecks, LogsChecks, JobEndsChecks, JobFilesChecks, ReconnectChecks, InspectionChecks):
    plugin_module = "kit.small_cloud"

    @pytest.fixture
    def seed(self):
        return 0

    @pytest.fixture
    def cloud(self, tmp_path):
        cloud = SmallCloud(tmp_path / "cloud")
        yield cloud
        cloud.close()

    def make_provider(self, cloud):
        return SmallProvider(cloud)
