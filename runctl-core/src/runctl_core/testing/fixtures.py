"""The fixtures of a suite: three that an author fills in, and those that checks are written with."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from runctl_core.models.resources import Offer, Resource, ResourceRequest
from runctl_core.testing.check import promise_of
from runctl_core.testing.driven import Driven, not_applicable
from runctl_core.testing.launcher import Launcher

if TYPE_CHECKING:
    from runctl_core._entrypoints import EntryPoint
    from runctl_core.executor import JobExecutor
    from runctl_core.provider import ProviderInfo, TrainingProvider
    from runctl_core.testing.cloud import CloudUnderTest

PLUGIN = "runctl_core.testing.plugin"
_FILL_IN = "docs/how-to/test-a-provider.md shows a whole suite"


class Fixtures:
    """What an author fills in, and what checks use."""

    entry_point: str = ""
    """The provider's name among the installed entry points of `runctl.providers`."""

    plugin_module: str = ""
    """The plugin's module, where it is not installed; taken from the entry point otherwise."""

    wanted: ResourceRequest = ResourceRequest()
    """What checks launch: the first free offer for this request."""

    costs_nothing: bool = False
    """Whether an hour really costs nothing there; a price of zero is a broken promise otherwise."""

    ready_s: float = 60.0
    """How long a machine may take until a job can be started on it, in seconds."""

    def make_provider(self, cloud: CloudUnderTest) -> TrainingProvider:
        """To be filled in: a provider that talks to `cloud`, made as another process would make it."""
        raise NotImplementedError(f"{type(self).__name__} has no make_provider: {_FILL_IN}")

    @pytest.fixture
    def cloud(self) -> Iterator[CloudUnderTest]:
        """To be filled in: the fake cloud that the provider talks to."""
        raise NotImplementedError(f"{type(self).__name__} has no fixture `cloud`: {_FILL_IN}")

    @pytest.fixture
    def provider(self, cloud: CloudUnderTest) -> TrainingProvider:
        """The provider that is checked. Filled in by `make_provider`, or instead of it."""
        return self.make_provider(cloud)

    @pytest.fixture
    def another_provider(self, cloud: CloudUnderTest) -> TrainingProvider:
        """The provider as a second process has it: it shares nothing with the first but the cloud."""
        if type(self).make_provider is Fixtures.make_provider:
            pytest.skip("the suite has a fixture `provider`, and no method `make_provider`")
        return self.make_provider(cloud)

    @pytest.fixture
    def info(self) -> ProviderInfo:
        """What the plugin says of its provider."""
        if self.entry_point:
            from runctl_core.plugins import load_provider

            return load_provider(self.entry_point)
        if not self.plugin_module:
            raise NotImplementedError(f"{type(self).__name__} has no entry_point: {_FILL_IN}")
        module: Any = importlib.import_module(self.plugin_module)
        info: ProviderInfo = module.runctl_provider()
        return info

    @classmethod
    def installed(cls) -> EntryPoint | None:
        """The entry point of the provider; None when it is not installed."""
        from runctl_core._entrypoints import entry_points
        from runctl_core.plugins import PROVIDERS

        return next((point for point in entry_points(PROVIDERS) if point.name == cls.entry_point), None)

    @pytest.fixture
    def seed(self, pytestconfig: pytest.Config) -> int:
        """The number that chance is drawn from: `--runctl-seed`."""
        if not pytestconfig.pluginmanager.has_plugin(PLUGIN):
            pytest.fail(f'the kit is not loaded: write pytest_plugins = ["{PLUGIN}"] into conftest.py')
        return int(pytestconfig.getoption("--runctl-seed"))

    @pytest.fixture
    def fake(self, cloud: CloudUnderTest) -> Driven:
        """The cloud as checks drive it."""
        return Driven(cloud)

    @pytest.fixture
    def offer(self, provider: TrainingProvider) -> Offer:
        """What is launched: the first free offer."""
        free = [offer for offer in provider.offers(self.wanted) if offer.available is not False]
        if not free:
            pytest.fail(f"{self.wanted} is offered nothing free: set `wanted` to what the cloud has")
        return free[0]

    @pytest.fixture
    def launch(self, provider: TrainingProvider, offer: Offer) -> Iterator[Launcher]:
        """Makes resources; what it made is gone when the check is over, or the check fails."""
        launcher = Launcher(provider, offer, self.ready_s)
        yield launcher
        launcher.end()

    @pytest.fixture
    def machine(self, launch: Launcher) -> Resource:
        """A resource on which a job can be started."""
        return launch.ready()

    @pytest.fixture
    def executor(self, provider: TrainingProvider, machine: Resource) -> JobExecutor:
        """How jobs run on `machine`."""
        return provider.executor(machine)

    @pytest.fixture(autouse=True)
    def _asked_for(self, request: pytest.FixtureRequest, info: ProviderInfo) -> None:
        """Leave out what is about a capability that the provider declares absent."""
        promise = promise_of(getattr(request.node, "obj", None))
        if promise and promise.needs and promise.needs in info.unsupported:
            not_applicable(f"{promise.needs}: {info.unsupported[promise.needs]}")
