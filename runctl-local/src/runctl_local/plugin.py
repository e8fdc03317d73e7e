"""The plugin's hooks. Importing this module imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from runctl_core.api import ProviderInfo, hookimpl
from runctl_local.settings import Settings
from runctl_local.unsupported import UNSUPPORTED

if TYPE_CHECKING:
    from runctl_core.api import Check, TrainingProvider


def _make(settings: Settings) -> TrainingProvider:
    from runctl_local.provider import LocalProvider

    return LocalProvider(settings)


@hookimpl
def runctl_provider() -> ProviderInfo:
    """Describe this computer as a provider."""
    return ProviderInfo(
        name="local",
        title="This computer",
        factory=_make,
        settings=Settings,
        unsupported=UNSUPPORTED,
    )


@hookimpl
def runctl_checks(settings: Settings) -> Iterable[Check]:
    """What `runctl doctor` looks at: the slots' directory, uv, and the GPUs."""
    from runctl_local.checks import checks

    return checks(settings)
