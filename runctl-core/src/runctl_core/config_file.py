"""Changes to a configuration file: one value at a time, comments kept, never half written."""

from __future__ import annotations

import os
import stat
from typing import Any

from runctl_core.config import read_layer, unknown_key, user_file
from runctl_core.core_settings import CoreSettings
from runctl_core.errors import ConfigError, NotFound, StateError
from runctl_core.paths import write_whole
from runctl_core.settings import convert, describe


def set_value(key: str, text: str, *, project: bool, directory: str) -> str:
    """Set `key`, and return the file's path.

    Raises:
        ConfigError: The key is unknown, or the value does not fit it; nothing was written.
    """
    section, name, settings = _declared(key)
    value = convert(settings, name, text, "the command line")
    path = _file(project, directory)
    document = _read(path)
    table = document
    for part in section:
        table = table.setdefault(part, {})
    table[name] = _toml(value)
    _write(path, document)
    return path


def unset_value(key: str, *, project: bool, directory: str) -> str:
    """Take `key` out of the file, and return the file's path. Raises NotFound, ConfigError."""
    section, name, _ = _declared(key)
    path = _file(project, directory)
    document = _read(path)
    table = document
    for part in section:
        table = table.get(part, {})
    if name not in table:
        raise NotFound(f"{path} does not set {key}", fix="runctl config show tells what does")
    del table[name]
    _write(path, document)
    return path


def is_secret(key: str) -> bool:
    """Whether the value of `key` is never shown. Raises ConfigError, PluginError for an unknown key."""
    _, name, settings = _declared(key)
    return next(declared.secret for declared in describe(settings) if declared.name == name)


def _declared(key: str) -> tuple[list[str], str, type]:
    parts = key.split(".")
    if len(parts) == 3 and parts[0] == "providers":
        from runctl_core.plugins import load_provider

        settings = load_provider(parts[1]).settings
        if settings is None:
            raise ConfigError(f"the provider {parts[1]} has no settings", fix="runctl config show")
        section, name = parts[:2], parts[2]
    else:
        section, name, settings = [], key, CoreSettings
    known = [s.name for s in describe(settings)]
    if name not in known:
        raise unknown_key(name, known, "the command line")
    return section, name, settings


def _file(project: bool, directory: str) -> str:
    return os.path.join(directory, "runctl.toml") if project else user_file()


def _read(path: str) -> Any:
    """The file as a document that keeps its comments. Raises what `read_layer` raises."""
    import tomlkit

    if read_layer(path) is None:
        return tomlkit.document()
    with open(path, encoding="utf-8") as file:
        return tomlkit.parse(file.read())


def _toml(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str | list) else str(value)


def _write(path: str, document: Any) -> None:
    import tomlkit

    path = os.path.realpath(path)  # a link to a file that is kept elsewhere stays one
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        mode = stat.S_IMODE(os.stat(path).st_mode) if os.path.exists(path) else 0o600
        write_whole(path, [tomlkit.dumps(document).encode()], mode=mode)
    except OSError as error:
        raise StateError(
            f"cannot write {path}", why=error.strerror or str(error), fix=f"chmod u+w {folder}"
        ) from error
