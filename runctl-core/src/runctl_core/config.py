"""Configuration in layers, each value with its origin.

Flags win over `RUNCTL_*` variables, over `runctl.toml` or `[tool.runctl]` of the project, over the
user's `config.toml`, over defaults. A provider's settings are in `[providers.NAME]`, in variables
`RUNCTL_NAME_KEY`, in flags `--NAME-KEY`. An unknown key is an error that names the nearest one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from runctl_core.core_settings import CoreSettings
from runctl_core.errors import ConfigError
from runctl_core.paths import config_dir
from runctl_core.settings import convert, describe

KNOWN_VARIABLES = {
    "RUNCTL_STATE_DIR": (
        "Where runs, their results and the tracker's database are kept; "
        "`$XDG_STATE_HOME/runctl` or `~/.local/state/runctl` otherwise."
    ),
    "RUNCTL_CONFIG_DIR": (
        "Where the user's `config.toml` is; `$XDG_CONFIG_HOME/runctl` or `~/.config/runctl` otherwise."
    ),
    "RUNCTL_PLUGINS": "Which plugins are loaded: `none`, or names separated by commas; all otherwise.",
    "RUNCTL_DEBUG": "Set to anything, errors are shown with their traceback.",
    "RUNCTL_RUN_ID": "Set for the script: its run, the same over all attempts.",
    "RUNCTL_CHECKPOINT_DIR": "Set for the script: the folder for its checkpoints. No setting inside a run.",
    "RUNCTL_RESUME_FROM": "Set for the script when there is a checkpoint to continue from: its path.",
    "RUNCTL_JOB": "Set for the script: the mark by which its processes are found; not to be changed.",
}
"""Variables of ours that are no settings, and what each means."""


_LARGEST_FILE = 1_000_000


@frozen
class Layer:
    """One source of values.

    Attributes:
        origin: In words: a flag, a variable, a file.
        values: Key to value, as they stand there.
        path: The file, if it is one.
    """

    origin: str
    values: Mapping[str, Any]
    path: str | None = None


@frozen
class Value:
    """A value with where it is from."""

    value: Any
    origin: str


class Config:
    """The layers, merged. Made by `load`."""

    def __init__(self, layers: list[Layer], flags: Mapping[str, Any]) -> None:
        self.layers = layers
        self._flags = flags
        self._values = _merge(CoreSettings, self._core_layers())

    @property
    def settings(self) -> CoreSettings:
        """The core's settings."""
        return CoreSettings(**{name: value.value for name, value in self._values.items()})

    @property
    def origins(self) -> dict[str, Value]:
        """Every core setting with its origin."""
        return dict(self._values)

    def provider_values(
        self, name: str, settings: type, flags: Mapping[str, Any] | None = None
    ) -> dict[str, Value]:
        """Every setting of a provider with its origin. Raises ConfigError."""
        prefix = f"RUNCTL_{_variable(name)}_"
        layers = [Layer("the command line", flags or {})]
        declared = [s.name for s in describe(settings)]
        values = {
            key: os.environ[prefix + key.upper()] for key in declared if prefix + key.upper() in os.environ
        }
        layers += [Layer(f"the variable {prefix}{key.upper()}", {key: v}) for key, v in values.items()]
        for layer in self.layers:
            section = layer.values.get("providers", {}).get(name, {})
            _require_known(section, declared, f"[providers.{name}] in {layer.origin}")
            layers.append(Layer(layer.origin, section))
        return _merge(settings, layers)

    def provider_settings(
        self, name: str, settings: type | None, flags: Mapping[str, Any] | None = None
    ) -> Any:
        """An instance of a provider's settings class; None when it has none. Raises ConfigError."""
        if settings is None:
            return None
        values = {key: value.value for key, value in self.provider_values(name, settings, flags).items()}
        try:
            return settings(**values)
        except Exception as error:
            # Neither its message nor the cause is shown: they may hold a secret.
            raise ConfigError(
                f"the provider {name} refuses its settings",
                why=f"its settings class raised {type(error).__name__}",
                fix=f"runctl config show lists providers.{name}; mend what does not fit",
            ) from None

    def _core_layers(self) -> list[Layer]:
        names = [s.name for s in describe(CoreSettings)]
        layers = [Layer("the command line", {k: v for k, v in self._flags.items() if v is not None})]
        for name in names:
            variable = f"RUNCTL_{name.upper()}"
            if os.environ.get(variable) and not _is_the_scripts(variable):
                layers.append(Layer(f"the variable {variable}", {name: os.environ[variable]}))
        for layer in self.layers:
            values = {key: value for key, value in layer.values.items() if key != "providers"}
            _require_known(values, names, layer.origin)
            layers.append(Layer(layer.origin, values))
        return layers


def _is_the_scripts(variable: str) -> bool:
    """Whether a variable was set for a script that we run in: a run of its own has its own folder."""
    return variable == "RUNCTL_CHECKPOINT_DIR" and "RUNCTL_RUN_ID" in os.environ


def load(*, directory: str, flags: Mapping[str, Any] | None = None) -> Config:
    """Read every layer as it is seen from `directory`.

    Raises:
        ConfigError: A file cannot be read (with line and column), a key is unknown, a value does
            not fit.
    """
    files = [_project_file(directory), user_file()]
    layers = [layer for path in files if path and (layer := read_layer(path))]
    return Config(layers, flags or {})


def user_file() -> str:
    """The user's configuration file. It may not exist."""
    return os.path.join(config_dir(), "config.toml")


def project_file(directory: str) -> str | None:
    """The file that configures the project around `directory`, if there is one."""
    return _project_file(directory)


def _project_file(directory: str) -> str | None:
    for folder in _upwards(os.path.abspath(directory)):
        path = os.path.join(folder, "runctl.toml")
        if os.path.exists(path):
            return path
        path = os.path.join(folder, "pyproject.toml")
        if os.path.isfile(path) and _mentions_us(path):
            return path
    return None


def _upwards(folder: str) -> Iterator[str]:
    home = os.path.expanduser("~")
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder or folder == home or os.path.exists(os.path.join(folder, ".git")):
            return
        folder = parent


def _mentions_us(path: str) -> bool:
    with open(path, "rb") as file:
        return b"tool.runctl" in file.read()


def read_layer(path: str) -> Layer | None:
    """A configuration file's values; None when there is no such file.

    Raises:
        ConfigError: It cannot be read, is no TOML (with line and column), or has a value where a
            table belongs.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}", why=error.strerror or str(error), fix=f"mend it, or: mv {path} {path}.old"
        ) from error
    if len(data) > _LARGEST_FILE:
        raise ConfigError(f"{path} is over 1 MB", why="a configuration is not", fix=f"mv {path} {path}.old")
    import tomllib

    try:
        values = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            f"{path} is not valid TOML", why=str(error), fix="mend it, then: runctl config validate"
        ) from error
    if os.path.basename(path) == "pyproject.toml":
        values = _table(_table(values.get("tool", {}), "tool", path).get("runctl", {}), "tool.runctl", path)
    for name, section in _table(values.get("providers", {}), "providers", path).items():
        _table(section, f"providers.{name}", path)
    return Layer(path, values, path)


def _table(value: Any, name: str, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(
            f"{name} in {path} is not a table",
            why=f"it is {value!r:.60}",
            fix="a provider's settings stand below a line [providers.NAME]",
        )
    return value


def _merge(settings: type, layers: list[Layer]) -> dict[str, Value]:
    merged = {}
    for declared in describe(settings):
        found = (
            Value(convert(settings, declared.name, layer.values[declared.name], layer.origin), layer.origin)
            for layer in layers
            if layer.values.get(declared.name) is not None
        )
        chosen = _sum([*found]) if declared.adds_up else next(found, None)
        merged[declared.name] = chosen or Value(declared.default, "default")
    return merged


def _sum(found: list[Value]) -> Value | None:
    """The lists of all layers as one: what one of them says, no other takes back."""
    entries = dict.fromkeys(entry for value in found for entry in value.value)
    return Value(list(entries), " and ".join(value.origin for value in found)) if found else None


def _require_known(values: Mapping[str, Any], known: list[str], origin: str) -> None:
    for key in values:
        if key not in known:
            raise unknown_key(key, known, origin)


def unknown_key(key: str, known: list[str], origin: str) -> ConfigError:
    """The error for a key that nobody knows; it names the nearest known one."""
    import difflib

    near = difflib.get_close_matches(key, known, n=1)
    why = f"{origin} sets it" + (f"; did you mean {near[0]}?" if near else "")
    return ConfigError(f"unknown key {key}", why=why, fix="runctl config show lists every key")


def unused_sections(config: Config) -> list[str]:
    """Warnings for sections of providers that are not installed; a shared file may have them."""
    from runctl_core.plugins import provider_names

    installed = provider_names()
    return [
        f"[providers.{name}] in {layer.origin}: no such provider is installed"
        for layer in config.layers
        for name in layer.values.get("providers", {})
        if name not in installed
    ]


def strange_variables() -> list[str]:
    """Warnings for `RUNCTL_*` variables that nobody reads, with the nearest that somebody does."""
    import difflib

    from runctl_core.plugins import load_all

    known = {*KNOWN_VARIABLES, *(f"RUNCTL_{s.name.upper()}" for s in describe(CoreSettings))}
    for report in load_all():
        settings = report.info.settings if report.info else None
        known |= {f"RUNCTL_{_variable(report.name)}_{s.name.upper()}" for s in describe(settings)}
    warnings = []
    for name in sorted(set(os.environ) - known):
        if name.startswith("RUNCTL_"):
            near = difflib.get_close_matches(name, sorted(known), n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            warnings.append(f"nobody reads the variable {name}{hint}")
    return warnings


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")
