"""The hooks that a plugin may implement. This module is the author's manual: when each hook is
called, how often, what it may return, and what an exception does.

A plugin is a module named by an entry point. It marks its functions with `hookimpl`:

    from runctl_core.api import ProviderInfo, hookimpl

    @hookimpl
    def runctl_provider():
        from mycloud.provider import MyCloud, Settings
        return ProviderInfo(name="mycloud", title="My Cloud", factory=MyCloud, settings=Settings)

Each plugin is loaded and called by itself: what one raises, even `SystemExit`, is kept for
`runctl doctor` and stops no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pluggy import HookimplMarker, HookspecMarker

if TYPE_CHECKING:
    from runctl_core.models.checks import Check
    from runctl_core.provider import ProviderInfo

hookspec = HookspecMarker("runctl")
hookimpl = HookimplMarker("runctl")


class TrainingProviderSpec:
    """Hooks of a plugin in the entry-point group `runctl.providers`."""

    @hookspec(firstresult=True)
    def runctl_provider(self) -> ProviderInfo | None:
        """Describe the provider.

        Called once a process, when the provider is first named. Must not import a cloud client:
        `factory` is called later, when a resource is really asked for. An exception, or anything but
        a `ProviderInfo` of the entry point's name, makes the plugin broken.
        """

    @hookspec
    def runctl_checks(self, settings: Any) -> Iterable[Check]:  # type: ignore[empty-body]
        """More checks for `runctl doctor`.

        Args:
            settings: The provider's settings, as configured.

        Called by `runctl doctor` only, with a time-out of 20 s for the whole hook. An exception is
        shown as a failed check.
        """
