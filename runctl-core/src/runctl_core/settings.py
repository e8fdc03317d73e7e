"""Settings, declared once: an attrs class gives the TOML keys, the variables, the flags, the help.

For example:

    @define
    class Settings:
        region: str | None = setting(None, help="Where machines are made.")
        api_key: str | None = setting(None, help="The account's key.", secret=True)

A setting is a `str`, `int`, `float`, `bool`, `Decimal`, a `Literal` of texts, a `StrEnum`, or a list
of one of these; `| None` lets it be unset.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from math import isfinite
from typing import Any

import attrs
from attrs import frozen

from runctl_core.errors import ConfigError

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_IN_WORDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Decimal: "a number",
}


def setting(
    default: Any,
    *,
    help: str,
    secret: bool = False,
    valid: Callable[[Any], str] | None = None,
    adds_up: bool = False,
) -> Any:
    """Declare a setting.

    Args:
        default: Its value when nobody sets it; a list is copied for each instance.
        help: One line for `--help`, `config show` and the reference.
        secret: Never shown: not in listings, errors or the instance's `repr`, and it has no flag.
        valid: Says what is wrong with a value; an empty text for nothing.
        adds_up: Whether the lists of all layers hold together, and none hides another.
    """
    metadata = {"help": help, "secret": secret, "valid": valid, "adds_up": adds_up}
    if isinstance(default, list):
        return attrs.field(factory=lambda: list(default), metadata=metadata, repr=not secret)
    return attrs.field(default=default, metadata=metadata, repr=not secret)


@frozen
class Setting:
    """One declared setting.

    Attributes:
        name: Its key.
        type: Its Python type, without `None`.
        optional: Whether it may be left unset.
        default: Its default.
        help: One line.
        secret: Whether it is never shown.
        choices: The values that it may have; empty for any.
        adds_up: Whether the lists of all layers hold together.
    """

    name: str
    type: Any
    optional: bool
    default: Any
    help: str
    secret: bool
    choices: tuple[str, ...]
    adds_up: bool = False


def describe(settings: type | None) -> tuple[Setting, ...]:
    """Every setting that an attrs class declares.

    Raises:
        TypeError: It is no attrs class, or a setting has no default, or a type that nothing can be
            read into.
    """
    return () if settings is None else _described(settings)


@cache
def _described(settings: type) -> tuple[Setting, ...]:
    hints = typing.get_type_hints(settings)
    return tuple(_setting(attribute, hints[attribute.name]) for attribute in attrs.fields(settings))


def _setting(attribute: Any, hint: Any) -> Setting:
    kind, optional = _without_none(hint)
    item = typing.get_args(kind)[0] if typing.get_origin(kind) is list else kind
    if item not in _IN_WORDS and not _choices(item):
        raise TypeError(f"the setting {attribute.name} has a type that no file can hold: {hint}")
    default = attribute.default
    if default is attrs.NOTHING:
        raise TypeError(f"the setting {attribute.name} has no default")
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a class, for all its stubs say
        default = default.factory()
    text, secret = attribute.metadata.get("help", ""), attribute.metadata.get("secret", False)
    adds_up = attribute.metadata.get("adds_up", False)
    return Setting(attribute.name, kind, optional, default, text, secret, _choices(kind), adds_up)


def convert(settings: type, name: str, value: Any, origin: str) -> Any:
    """A value from a file, a variable or a flag as the setting's own type.

    Raises:
        ConfigError: It does not fit. The message names the key and the origin, and never the value
            of a secret.
    """
    declared = next(s for s in describe(settings) if s.name == name)
    valid = attrs.fields_dict(settings)[name].metadata.get("valid")
    try:
        converted = _converted(declared.type, value)
    except (ValueError, TypeError, OverflowError, InvalidOperation):
        converted, problem = None, f"it takes {_in_words(declared.type)}"
    else:
        problem = _problem(valid, converted)
    if problem:
        shown = "that value" if declared.secret else repr(value)
        # The cause is left out: it would show a secret.
        raise ConfigError(
            f"{name} cannot be {shown}",
            why=f"{problem}; it was set by {origin}",
            fix=f"mend {origin}; runctl config show tells every origin",
        ) from None
    return converted


def _problem(valid: Callable[[Any], str] | None, value: Any) -> str:
    try:
        return valid(value) if valid else ""
    except Exception as error:
        return f"its check failed with {type(error).__name__}"


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)]
        return (kinds[0] if len(kinds) == 1 else hint), len(kinds) < len(typing.get_args(hint))
    return hint, False


def _choices(kind: Any) -> tuple[str, ...]:
    if typing.get_origin(kind) is typing.Literal:
        return tuple(str(choice) for choice in typing.get_args(kind))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return tuple(str(member.value) for member in kind)
    return ()


def _converted(kind: Any, value: Any) -> Any:
    if typing.get_origin(kind) is list:
        return _list(typing.get_args(kind)[0], value)
    if choices := _choices(kind):
        if value not in choices:
            raise ValueError(value)
        return kind(value) if isinstance(kind, type) else value
    if kind is bool:
        return _bool(value)
    if kind is str:
        return _text(value)
    return _number(kind, value)


def _list(item: Any, value: Any) -> list[Any]:
    entries = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(entries, list | tuple):
        raise TypeError(value)
    return [_converted(item, entry) for entry in entries]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    value.encode()  # half a character, from a broken variable, fits into no file
    return value


def _number(kind: Any, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise TypeError(value)
    if kind is int and isinstance(value, float):
        raise TypeError(value)
    number = kind(str(value))
    if not isfinite(number):
        raise ValueError(value)
    return number


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(value)
    return word in _TRUE


def _in_words(kind: Any) -> str:
    if typing.get_origin(kind) is list:
        return f"a list, each {_in_words(typing.get_args(kind)[0])}"
    if choices := _choices(kind):
        return f"one of {', '.join(choices)}"
    return _IN_WORDS[kind]
