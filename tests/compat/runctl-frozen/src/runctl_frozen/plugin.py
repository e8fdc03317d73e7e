"""The plugin: light, because runctl imports it to list providers."""

from __future__ import annotations

from attrs import frozen

from runctl_core.api import ProviderInfo, TrainingProvider, hookimpl, setting


@frozen
class Settings:
    """The provider's settings."""

    directory: str = setting(default="", help="where the machines' folders are")


def open_cloud(settings: Settings) -> TrainingProvider:
    """Make the provider; the cloud's client is imported only now."""
    from runctl_core.testing.fakes import FakeCloud
    from runctl_frozen.provider import Frozen

    return Frozen(FakeCloud(settings.directory))


@hookimpl
def runctl_provider() -> ProviderInfo:
    """Describe the provider."""
    return ProviderInfo(
        name="frozen", title="A provider of plugin API 1", factory=open_cloud, settings=Settings, api=1
    )
