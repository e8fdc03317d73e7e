"""runctl-local holds the contract of providers: the author's kit, on this computer's own slots."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import runctl_local
import schemas
from local.local_cloud import SlotsCloud
from runctl_core.models.resources import ResourceRequest
from runctl_core.testing import ProviderSuite
from runctl_core.testing.check import checks_of, promise_of
from runctl_local.provider import LocalProvider
from runctl_local.settings import Settings


class TestLocal(ProviderSuite):
    """The whole suite."""

    entry_point = "local"
    wanted = ResourceRequest(instance_type="cpu")
    costs_nothing = True

    @pytest.fixture
    def cloud(self, tmp_path: Path) -> Iterator[SlotsCloud]:
        made = SlotsCloud(tmp_path / "home")
        yield made
        made.close()

    def make_provider(self, cloud: SlotsCloud) -> LocalProvider:
        return LocalProvider(Settings(str(cloud.directory)))


def test_the_shipped_record_is_of_this_version_and_of_every_check() -> None:
    shipped = Path(str(runctl_local.__file__)).with_name("conformance.json")
    record = json.loads(shipped.read_text(encoding="utf-8"))
    every = [name for name, f in checks_of(ProviderSuite).items() if promise_of(f).profile != "live"]
    again = f"pytest {Path(__file__).name} --runctl-profile chaos --runctl-conformance {shipped.name}"
    assert record["version"] == runctl_local.__version__, again
    assert [check["check"] for check in record["checks"]] == every, again
    assert record["conformant"]
    schemas.hold("conformance", record)
