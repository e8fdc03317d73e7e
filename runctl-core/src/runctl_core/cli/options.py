"""Options that several commands share, and the flags that a provider's settings become."""

from __future__ import annotations

import inspect
import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from typer import Argument, Option

if TYPE_CHECKING:
    from runctl_core.settings import Setting

State = TypeVar("State", bound=StrEnum)


def complete_runs(incomplete: str) -> list[str]:
    """Ids of runs that begin with what was typed, newest first."""
    from runctl_core.tracking import ResourceTracker

    return [run.id for run in ResourceTracker().runs(limit=1000) if run.id.startswith(incomplete)]


def complete_resources(incomplete: str) -> list[str]:
    """`PROVIDER/ID` of what is in the books and begins with what was typed."""
    from runctl_core.tracking import ResourceTracker

    found = (tracked.resource for tracked in ResourceTracker().resources())
    keys = (f"{resource.provider}/{resource.id}" for resource in found)
    return [key for key in keys if key.startswith(incomplete)]


def complete_providers(incomplete: str) -> list[str]:
    """Names of installed providers that begin with what was typed."""
    from runctl_core.plugins import provider_names

    return [name for name in provider_names() if name.startswith(incomplete)]


JsonFlag = Annotated[bool, Option("--json", help="Print one JSON document.")]
ProviderFilter = Annotated[
    list[str] | None,
    Option(
        "--provider", metavar="NAME", help="Only this one; again for more.", autocompletion=complete_providers
    ),
]
SinceOption = Annotated[
    str | None, Option(metavar="DAY|AGE", help="From this UTC day on, or `12h`, `7d` ago.")
]
YesFlag = Annotated[bool, Option("--yes", "-y", help="Do not ask.")]
RunArgument = Annotated[
    str,
    Argument(
        metavar="RUN",
        help="A run's id, the beginning of one, a name, or `latest`.",
        autocompletion=complete_runs,
    ),
]


def states(kind: type[State], names: list[str] | None, example: str) -> list[State]:
    """What `--state` was given, each time. Raises UsageError, with an example, for what is no state."""
    from runctl_core.errors import UsageError

    known = [str(state) for state in kind]
    for name in names or ():
        if name not in known:
            raise UsageError(f"no state {name}", why=f"states: {', '.join(known)}", fix=f"--state {example}")
    return [kind(name) for name in names or ()]


def chosen_provider(words: list[str]) -> str | None:
    """The provider that a command line, the environment or what is installed chooses."""
    for index, word in enumerate(words):
        if word == "--":
            break
        if word.startswith("--provider="):
            return word.partition("=")[2]
        if word == "--provider" and index + 1 < len(words):
            return words[index + 1]
    return os.environ.get("RUNCTL_PROVIDER") or _configured() or _only_one()


def _configured() -> str | None:
    from runctl_core.config import load
    from runctl_core.errors import ConfigError

    try:
        return load(directory=os.getcwd()).settings.provider
    except ConfigError:
        return None  # the command itself loads the configuration again, and shows the error


def _only_one() -> str | None:
    from runctl_core.plugins import provider_names

    names = provider_names()
    return names[0] if len(names) == 1 else None


def provider_parameters(provider: str) -> list[inspect.Parameter]:
    """A command's extra parameters: one flag for each setting of the provider that is no secret."""
    from runctl_core.errors import PluginError
    from runctl_core.plugins import load_report
    from runctl_core.settings import describe

    try:
        report = load_report(provider)
    except PluginError:
        return []  # the command itself names the provider that is missing
    if report.info is None:
        return []
    settings = [s for s in describe(report.info.settings) if not s.secret]
    return [_parameter(provider, report.info.title, setting) for setting in settings]


def _parameter(provider: str, title: str, setting: Setting) -> inspect.Parameter:
    option = Option(
        f"--{provider}-{setting.name.replace('_', '-')}",
        help=setting.help,
        metavar="|".join(setting.choices) or "VALUE",
        rich_help_panel=title,
    )
    return inspect.Parameter(
        setting.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[str | None, option],
    )


def with_provider_flags(function: Any, words: list[str]) -> Any:
    """The command with the chosen provider's flags added, given to it as `provider_flags`."""
    import typing

    signature = inspect.signature(function)
    if "provider_flags" not in signature.parameters:
        return function
    provider = chosen_provider(words)
    extra = provider_parameters(provider) if provider and provider != "any" else []
    prefix = "provider_flag_"
    renamed = [parameter.replace(name=prefix + parameter.name) for parameter in extra]
    hints = typing.get_type_hints(function, include_extras=True)
    own = [
        p.replace(annotation=hints[name])
        for name, p in signature.parameters.items()
        if name != "provider_flags"
    ]

    def command(**values: Any) -> Any:
        flags = {parameter.name.removeprefix(prefix): values.pop(parameter.name) for parameter in renamed}
        given = {name: value for name, value in flags.items() if value is not None}
        return function(**values, provider_flags=given)

    command.__doc__ = function.__doc__
    command.__annotations__ = {p.name: hints[p.name] for p in own} | {p.name: p.annotation for p in renamed}
    command.__signature__ = inspect.Signature([*own, *renamed])  # type: ignore[attr-defined]
    return command
