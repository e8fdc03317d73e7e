"""The plugin of a provider: light, so that naming it imports no client of any cloud."""

from __future__ import annotations

from collections.abc import Iterator

from mycloud.settings import Settings
from runctl_core.api import Check, ProviderInfo, TrainingProvider, Verdict, hookimpl


def _open(settings: Settings) -> TrainingProvider:
    from mycloud.provider import MyCloud

    return MyCloud(settings)


@hookimpl
def runctl_provider() -> ProviderInfo:
    """Describe the provider."""
    return ProviderInfo(
        name="mycloud",
        title="My Cloud",
        factory=_open,
        settings=Settings,
        unsupported={"spot": "its machines are never taken away", "stop": "they keep nothing"},
        homepage="https://mycloud.example",
    )


@hookimpl
def runctl_checks(settings: Settings) -> Iterator[Check]:
    """Look at the account's key."""
    if settings.api_key:
        yield Check("key", Verdict.OK, "it is set")
    else:
        yield Check("key", Verdict.WARNING, "none is set", "runctl config set providers.mycloud.api_key KEY")
