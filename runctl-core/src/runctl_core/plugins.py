"""Plugins: found by name in package metadata, loaded one at a time, and never trusted to behave.

A plugin that cannot be loaded is named with its distribution, its version and its error, and stops
nothing else. `RUNCTL_PLUGINS=none` leaves all of them out, `RUNCTL_PLUGINS=a,b` all but those two.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from attrs import frozen

from runctl_core._entrypoints import EntryPoint, clash, enabled
from runctl_core.errors import PluginError, RunctlError, UsageError
from runctl_core.loading import hooks_of, import_callable, in_words, prints_to_stderr, require
from runctl_core.timeouts import TooLate, within

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from runctl_core.models.checks import Check
    from runctl_core.provider import ProviderInfo, TrainingProvider

PROVIDERS = "runctl.providers"
COMMANDS = "runctl.commands"
CHECKPOINT_FORMATS = "runctl.checkpoint_formats"
PLUGINS = "runctl.plugins"

LOAD_TIMEOUT_S = 10.0
"""How long a plugin may take to load when all of them are looked at. One that is asked for by name
has all the time it needs: the user sees what hangs, and can end it."""

CHECKS_TIMEOUT_S = 20.0
"""How long a provider's own checks may take, all of them together."""

RESERVED = ("any",)
"""Names that no provider may have: `--provider any` means each of them."""


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
        warning: What is wrong with it, though it works; empty for nothing.
    """

    name: str
    distribution: str
    version: str
    info: ProviderInfo | None = None
    error: str = ""
    traceback: str = ""
    warning: str = ""

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


def entry_point_of(name: str) -> EntryPoint:
    """The entry point of an installed provider. Raises PluginError for an unknown name."""
    for point in enabled(PROVIDERS):
        if point.name == name:
            return point
    raise _unknown(name)


def load_report(name: str) -> PluginReport:
    """Load one provider's plugin, whatever happens. Raises PluginError for an unknown name."""
    point = entry_point_of(name)
    why = clash(point, enabled(PROVIDERS), RESERVED)
    return _report(point, error=why) if why else _load(point)


def load_all(*, timeout_s: float = LOAD_TIMEOUT_S) -> list[PluginReport]:
    """Load every provider's plugin, each by itself; one that hangs is left behind as broken."""
    return [_load_in_time(name, timeout_s) for name in provider_names()]


def open_provider(info: ProviderInfo, settings: Any) -> TrainingProvider:
    """Make the provider.

    Raises:
        RunctlError: What the plugin raises of ours.
        PluginError: It raised something else, or made something else than a provider.
    """
    from runctl_core.provider import TrainingProvider

    try:
        provider: Any = _factory(info)(settings)
    except (RunctlError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise _cannot_open(info.name, in_words(error)) from error
    if not isinstance(provider, TrainingProvider):
        raise _cannot_open(info.name, f"its factory made {provider!r}, not a TrainingProvider")
    return provider


def _factory(info: ProviderInfo) -> Callable[[Any], TrainingProvider]:
    if not isinstance(info.factory, str):
        return info.factory
    module, _, name = info.factory.partition(":")
    found: Callable[[Any], TrainingProvider] = getattr(import_module(module), name)
    return found


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


def checks_of(report: PluginReport, settings: Any, *, timeout_s: float = CHECKS_TIMEOUT_S) -> list[Check]:
    """What the provider's own checks found. An exception or a time-out becomes a failed check."""
    from runctl_core.models.checks import Check, Verdict

    point = next(p for p in enabled(PROVIDERS) if p.name == report.name)
    try:
        checks = within(timeout_s, lambda: _checks(point, settings), name=f"{report.name}: checks")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return [Check("its checks", Verdict.FAILED, in_words(error), f"tell the author of {report.source}")]
    return checks


def _checks(point: EntryPoint, settings: Any) -> list[Check]:
    from runctl_core.hookspecs import TrainingProviderSpec
    from runctl_core.models.checks import Check

    answers = hooks_of(point, TrainingProviderSpec).runctl_checks(settings=settings)
    checks = [check for answer in answers for check in answer]
    for check in checks:
        require(isinstance(check, Check), f"runctl_checks gave {check!r}, not a Check")
    return checks


def checkpoint_formats() -> list[EntryPoint]:
    """The formats of checkpoints that plugins bring, from metadata alone; clashing ones too."""
    return enabled(CHECKPOINT_FORMATS)


def command_groups() -> list[EntryPoint]:
    """The command groups that plugins bring, from metadata alone; clashing ones too."""
    return enabled(COMMANDS)


def load_command_group(point: EntryPoint, taken: Collection[str]) -> Any:
    """The Typer app, or the function of a command line, that a command group is.

    Args:
        point: Its entry point.
        taken: The names that runctl has itself.

    Raises:
        PluginError: It cannot be loaded, is nothing that can be called, or may not have its name.
    """
    try:
        return import_callable(point, clash(point, command_groups(), taken), "a Typer app")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(
            f"the commands of {point.name} cannot be loaded",
            why=f"{point.source}: {in_words(error)}",
            fix=f"pip install --upgrade {point.distribution}, or pip uninstall it",
        ) from error


def _unknown(name: str) -> PluginError:
    import difflib

    installed = provider_names()
    near = difflib.get_close_matches(name, installed, n=1)
    fixes = [f"--provider {near[0]}"] if near else []
    if name.isascii() and name.replace("-", "").replace("_", "").isalnum():
        fixes.append(f"pip install runctl-{name}")
    why = f"installed: {', '.join(installed) or 'none'}"
    if only := os.environ.get("RUNCTL_PLUGINS"):
        why += f" (RUNCTL_PLUGINS={only} leaves out the others)"
    fix = ", or ".join(fixes) or "runctl providers list"
    return PluginError(f"no provider {name} is installed", why=why, fix=fix)


def _cannot_open(name: str, why: str) -> PluginError:
    return PluginError(f"the provider {name} cannot be opened", why=why, fix=f"runctl doctor {name}")


def _load_in_time(name: str, timeout_s: float) -> PluginReport:
    try:
        return within(timeout_s, lambda: load_report(name), name=f"load {name}")
    except TooLate:
        point = next(point for point in enabled(PROVIDERS) if point.name == name)
        _reports[_key(point)] = _report(point, error=f"it did not load within {timeout_s:.0f} s")
        return _reports[_key(point)]


_reports: dict[tuple[str, str], PluginReport] = {}
"""What became of each plugin: the hook `runctl_provider` is called once a process."""


def _key(point: EntryPoint) -> tuple[str, str]:
    return point.metadata_dir, point.name


def _load(point: EntryPoint) -> PluginReport:
    if _key(point) in _reports:
        return _reports[_key(point)]
    # The first verdict stays: a load that was given up may still end, behind everybody's back.
    return _reports.setdefault(_key(point), _loaded(point))


def _loaded(point: EntryPoint) -> PluginReport:
    try:
        with prints_to_stderr() as printed:
            info, ageing = _info(point)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        import traceback

        trace = "".join(traceback.format_exception(error))
        return _report(point, error=in_words(error), traceback=trace)
    prints = "it prints when it is loaded" if printed.anything else ""
    return _report(point, info=info, warning="; ".join(filter(None, (prints, ageing))))


def _report(point: EntryPoint, **fields: Any) -> PluginReport:
    return PluginReport(point.name, point.distribution, point.version, **fields)


def _info(point: EntryPoint) -> tuple[ProviderInfo, str]:
    """What the plugin says of its provider, and what is wrong with it though it works."""
    from runctl_core.hookspecs import TrainingProviderSpec
    from runctl_core.plugin_api import require_fitting_api
    from runctl_core.provider import ProviderInfo

    info: ProviderInfo = hooks_of(point, TrainingProviderSpec).runctl_provider()
    require(isinstance(info, ProviderInfo), f"runctl_provider returned {info!r}, not a ProviderInfo")
    warning = require_fitting_api(info.api, point.distribution)
    require(info.name == point.name, f"it calls itself {info.name}, its entry point {point.name}")
    from runctl_core.settings import describe

    try:
        describe(info.settings)
    except Exception as error:
        raise PluginError(f"its settings cannot be read: {in_words(error)}") from error
    return info, warning
