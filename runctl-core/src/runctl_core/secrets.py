"""Secrets for scripts: where they come from, and that they are shown nowhere.

A value never stands on a command line, because every user of a computer can read those.
"""

from __future__ import annotations

import os
import re

from runctl_core.errors import NotFound, UsageError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def read_env_file(path: str) -> dict[str, str]:
    """The variables of a file of `NAME=VALUE` lines.

    Blank lines, comments, a leading `export` and matching quotes are understood; nothing is
    expanded.

    Raises:
        NotFound: There is no such file.
        UsageError: A line is something else. The message has its number, never its text.
    """
    values = {}
    for number, raw in enumerate(_read(path).split("\n"), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.removeprefix("export ").partition("=")
        if not equals or not _NAME.match(name.strip()):
            raise UsageError(f"{path}, line {number} is not NAME=VALUE", fix="put one variable on each line")
        values[name.strip()] = _unquoted(value.strip())
    return values


def _require_fitting(text: str, path: str) -> str:
    if "\0" in text:
        raise UsageError(
            f"{path} has a zero byte",
            why="no variable can hold one",
            fix="encode it, with base64 for example, and decode it in the script",
        )
    return text


def read_secret(spec: str) -> tuple[str, str]:
    """The name and value of `NAME`, from this environment, or of `NAME=@FILE`.

    Raises:
        UsageError: It is `NAME=VALUE`, which would show the value to every user of this computer.
        NotFound: The variable or the file is not there.
    """
    name, equals, source = spec.partition("=")
    if not _NAME.match(name):
        raise UsageError("--secret takes NAME or NAME=@FILE", fix="--secret API_KEY")
    if not equals:
        if name not in os.environ:
            raise NotFound(f"the variable {name} is not set here", fix=f"export {name}=…, then again")
        return name, os.environ[name]
    if not source.startswith("@"):
        raise UsageError(
            f"--secret {name} was given its value on the command line",
            why="every user of this computer can read command lines",
            fix=f"export {name}=…, then: --secret {name}",
        )
    return name, _read(source[1:]).rstrip("\r\n")


def _read(path: str) -> str:
    try:
        with open(os.path.expanduser(path), encoding="utf-8-sig") as file:
            return _require_fitting(file.read(), path)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise NotFound(f"cannot read {path}", why=reason, fix="check the path") from None


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
