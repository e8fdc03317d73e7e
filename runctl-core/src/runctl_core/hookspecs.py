"""The hooks that a plugin may implement: the author's manual. Each says when it is called, how often,
what it may return, and what an exception does.

A plugin is a module that an entry point of its distribution names; here one called `mycloud`:

    [project.entry-points."runctl.providers"]
    mycloud = "mycloud"

A plugin that brings no provider, but answers what everybody is asked, is in a group of its own:

    [project.entry-points."runctl.plugins"]
    mycompany = "mycompany"

It marks its functions with `hookimpl`. An argument that a function does not need may be left out.

Commands of its own, `runctl mycloud …`, are an entry point too: a `typer.Typer`, or a function that is
given the words after the name and returns the exit status. They are imported when they are called.

    [project.entry-points."runctl.commands"]
    mycloud = "mycloud.command:app"

A format of checkpoints is one too: a `Format`, or a class that makes one, imported when something in a
folder fits none of runctl's own formats. Its name is the entry point's.

    [project.entry-points."runctl.checkpoint_formats"]
    gguf = "mycloud.gguf:GGUF"

A store of files is one as well: a `Store`, imported when a URL with its scheme is named.

    [project.entry-points."runctl.stores"]
    mystore = "mycloud.store:MyStore"

Each plugin is loaded and called by itself: what one raises, even `SystemExit`, is kept for
`runctl doctor` and stops no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pluggy import HookimplMarker, HookspecMarker

if TYPE_CHECKING:
    from runctl_core.models.checks import Check
    from runctl_core.models.resources import Resource
    from runctl_core.provider import ProviderInfo

hookspec = HookspecMarker("runctl")
hookimpl = HookimplMarker("runctl")
"""Marks a plugin's function as its answer to the hook of the same name."""


class PluginSpec:
    """Hooks of a plugin in the entry-point group `runctl.plugins`."""

    @hookspec
    def runctl_protect(self, resource: Resource) -> str | None:
        """Say why a resource must not be deleted.

        Args:
            resource: What is about to be deleted or stopped.

        Asked of every plugin in `runctl.plugins`, and of the plugin of the resource's own provider,
        when a plan to delete is made, and again right before each deletion. Each is asked by itself,
        and has 2 s. A plugin that hangs is asked no more in that command.

        Returns:
            Why it must stay, in a few words; None when the plugin has nothing against it. Any answer
            but None is a veto, and so is an exception. A plugin that hangs, or cannot be loaded, is
            a veto against every deletion.

        Example:
            from runctl_core.api import hookimpl

            @hookimpl
            def runctl_protect(resource):
                if resource.tags.get("team") == "research":
                    return "research keeps its machines until the paper is out"
        """


class TrainingProviderSpec(PluginSpec):
    """Hooks of a plugin in the entry-point group `runctl.providers`; those of `PluginSpec` too."""

    @hookspec(firstresult=True)
    def runctl_provider(self) -> ProviderInfo | None:
        """Describe the provider.

        Called once a process, when the provider is first named. Must not import a cloud client:
        `factory` is called later, when a resource is really asked for. An exception, or anything but
        a `ProviderInfo` of the entry point's name, makes the plugin broken.

        Example:
            from mycloud.settings import Settings
            from runctl_core.api import ProviderInfo, hookimpl

            def open_cloud(settings):
                from mycloud.provider import MyCloud  # the cloud's client is imported only now

                return MyCloud(settings)

            @hookimpl
            def runctl_provider():
                return ProviderInfo(
                    name="mycloud", title="My Cloud", factory=open_cloud, settings=Settings
                )
        """

    @hookspec
    def runctl_checks(self, settings: Any) -> Iterable[Check]:  # type: ignore[empty-body]
        """More checks for `runctl doctor`.

        Args:
            settings: The provider's settings, as configured.

        Called by `runctl doctor` only, with a time-out of 20 s for the whole hook. An exception is
        shown as a failed check.

        Example:
            from mycloud.provider import MyCloud
            from mycloud.settings import Settings
            from runctl_core.api import Check, ProviderInfo, Verdict, hookimpl

            @hookimpl
            def runctl_provider():
                return ProviderInfo(
                    name="mycloud", title="My Cloud", factory=MyCloud, settings=Settings
                )

            @hookimpl
            def runctl_checks(settings):
                if settings.api_key:
                    return [Check("key", Verdict.OK, "it is set")]
                fix = "runctl config set providers.mycloud.api_key < key.txt"
                return [Check("key", Verdict.WARNING, "none is set", fix)]
        """
