"""Plugins: found by name in package metadata, loaded one at a time, and never trusted to behave.

A plugin that cannot be loaded is named with its distribution, its version and its error, and stops
nothing else. `RUNCTL_PLUGINS=none` leaves all of them out, `RUNCTL_PLUGINS=a,b` all but those two.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from attrs import frozen

from runctl_core._entrypoints import EntryPoint, enabled
from runctl_core.errors import PluginError, UsageError

if TYPE_CHECKING:
    from types import ModuleType

    from runctl_core.models.checks import Check
    from runctl_core.provider import ProviderInfo

PROVIDERS = "runctl.providers"
COMMANDS = "runctl.commands"


@frozen
class PluginReport:
    """What became of one entry point.

    Attributes:
        name: The entry point's name.
        distribution: The distribution that brings it.
        version: That distribution's version.
        info: What the plugin says of its provider; None when it is broken.
        error: Why it is broken; empty when it is not.
        traceback: Where, for `runctl doctor`; empty when there is none.
    """

    name: str
    distribution: str
    version: str
    info: ProviderInfo | None = None
    error: str = ""
    traceback: str = ""

    @property
    def source(self) -> str:
        """Distribution and version, in words."""
        return f"{self.distribution} {self.version}"


def provider_names() -> list[str]:
    """Names of the installed providers, from metadata alone; nothing is imported."""
    return sorted({point.name for point in enabled(PROVIDERS)})


def load_provider(name: str) -> ProviderInfo:
    """Load one provider's plugin. Raises PluginError."""
    report = load_report(name)
    if report.info is None:
        raise PluginError(
            f"the provider {name} cannot be used",
            why=f"{report.source}: {report.error}",
            fix=f"runctl doctor {name}, or pip install --upgrade {report.distribution}",
        )
    return report.info


def load_report(name: str) -> PluginReport:
    """Load one provider's plugin, whatever happens. Raises PluginError for an unknown name."""
    points = [point for point in enabled(PROVIDERS) if point.name == name]
    if not points:
        raise _unknown(name)
    return _several(points) if len(points) > 1 else _load(points[0])


def load_all() -> list[PluginReport]:
    """Load every provider's plugin, each by itself."""
    return [load_report(name) for name in provider_names()]


def default_provider(configured: str | None) -> str:
    """The provider to use: the configured one, else the only one that is installed.

    Raises:
        UsageError: Several are installed, and none was chosen.
        PluginError: None is installed.
    """
    if configured:
        return configured
    names = provider_names()
    if len(names) == 1:
        return names[0]
    if not names:
        raise PluginError(
            "no provider is installed",
            why="RUNCTL_PLUGINS leaves them out" if os.environ.get("RUNCTL_PLUGINS") else "",
            fix="pip install the distribution of a provider, then: runctl providers list",
        )
    raise UsageError(
        "several providers are installed, and none was chosen",
        why=f"installed: {', '.join(names)}",
        fix=f"--provider {names[0]}, or for good: runctl config set provider {names[0]}",
    )


def checks_of(report: PluginReport, settings: Any) -> list[Check]:
    """What the provider's own checks found. An exception becomes a failed check."""
    from runctl_core.models.checks import Check, Verdict

    point = next(p for p in enabled(PROVIDERS) if p.name == report.name)
    try:
        answers = _manager(_import(point)).hook.runctl_checks(settings=settings)
        return [check for answer in answers for check in answer]
    except (Exception, SystemExit) as error:
        return [Check(f"{report.name} checks", Verdict.FAILED, _in_words(error))]


def command_groups() -> dict[str, EntryPoint]:
    """Command groups that plugins bring, by name; of two with one name neither counts."""
    points = enabled(COMMANDS)
    names = [point.name for point in points]
    return {point.name: point for point in points if names.count(point.name) == 1}


def load_command_group(point: EntryPoint) -> Any:
    """The Typer app of a command group. Raises PluginError."""
    try:
        return _import(point)
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"the commands of {point.name} cannot be loaded",
            why=f"{point.distribution} {point.version}: {_in_words(error)}",
            fix=f"pip install --upgrade {point.distribution}",
        ) from error


def _unknown(name: str) -> PluginError:
    import difflib

    installed = provider_names()
    near = difflib.get_close_matches(name, installed, n=1)
    return PluginError(
        f"no provider {name} is installed",
        why=f"installed: {', '.join(installed) or 'none'}",
        fix=f"--provider {near[0]}" if near else f"pip install runctl-{name}",
    )


def _several(points: Iterable[EntryPoint]) -> PluginReport:
    points = list(points)
    who = " and ".join(f"{point.distribution} {point.version}" for point in points)
    first = points[0]
    error = f"two plugins have this name, so neither is used: {who}"
    return PluginReport(first.name, first.distribution, first.version, error=error)


def _load(point: EntryPoint) -> PluginReport:
    try:
        info = _info(point)
    except (Exception, SystemExit) as error:
        import traceback

        return PluginReport(
            point.name,
            point.distribution,
            point.version,
            error=_in_words(error),
            traceback="".join(traceback.format_exception(error)),
        )
    return PluginReport(point.name, point.distribution, point.version, info=info)


def _info(point: EntryPoint) -> ProviderInfo:
    from runctl_core.provider import API_VERSION, ProviderInfo

    info = _manager(_import(point)).hook.runctl_provider()
    if not isinstance(info, ProviderInfo):
        raise PluginError(f"runctl_provider returned {info!r}, not a ProviderInfo")
    if info.api > API_VERSION:
        raise PluginError(
            f"it was made for plugin API {info.api}, and this runctl-core speaks {API_VERSION}:"
            " pip install --upgrade runctl-core"
        )
    if info.name != point.name:
        raise PluginError(f"it calls itself {info.name}, its entry point {point.name}")
    return info


def _manager(plugin: ModuleType) -> Any:
    from pluggy import PluginManager
    from pluggy._manager import PluginValidationError

    from runctl_core.hookspecs import TrainingProviderSpec

    manager = PluginManager("runctl")
    manager.add_hookspecs(TrainingProviderSpec)
    try:
        manager.register(plugin)
        manager.check_pending()
    except PluginValidationError as error:
        raise PluginError(f"{error} (hooks: runctl_provider, runctl_checks)") from error
    return manager


def _import(point: EntryPoint) -> Any:
    import importlib

    module, _, attribute = point.value.partition(":")
    loaded: Any = importlib.import_module(module.strip())
    for part in filter(None, attribute.strip().split(".")):
        loaded = getattr(loaded, part)
    return loaded


def _in_words(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r})"
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
