"""Settings, declared once: an attrs class gives the TOML keys, the variables, the flags, the help.

@define
class Settings:
    region: str | None = setting(None, help="Where machines are made.")
    api_key: str | None = setting(None, help="The account's key.", secret=True)
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

import attrs
from attrs import frozen

from runctl_core.errors import ConfigError

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def setting(
    default: Any,
    *,
    help: str,  # noqa: A002  the word that Typer and argparse use for the same
    secret: bool = False,
    valid: Callable[[Any], str] | None = None,
) -> Any:
    """Declare a setting.

    Args:
        default: Its value when nobody sets it; a list or a factory is made anew.
        help: One line for `--help`, `config show` and the reference.
        secret: Never shown.
        valid: Says what is wrong with a value; an empty text for nothing.
    """
    metadata = {"help": help, "secret": secret, "valid": valid}
    if isinstance(default, list):
        return attrs.field(factory=lambda: list(default), metadata=metadata)
    return attrs.field(default=default, metadata=metadata)


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
    """

    name: str
    type: Any
    optional: bool
    default: Any
    help: str
    secret: bool
    choices: tuple[str, ...]


def describe(settings: type | None) -> list[Setting]:
    """Every setting that an attrs class declares."""
    if settings is None:
        return []
    hints = typing.get_type_hints(settings)
    described = []
    for attribute in attrs.fields(settings):
        kind, optional = _without_none(hints[attribute.name])
        default = attribute.default
        if callable(factory := getattr(default, "factory", None)):
            default = factory()
        described.append(
            Setting(
                attribute.name,
                kind,
                optional,
                default,
                attribute.metadata.get("help", ""),
                attribute.metadata.get("secret", False),
                _choices(kind),
            )
        )
    return described


def convert(settings: type, name: str, value: Any, origin: str) -> Any:
    """A value from a file, a variable or a flag as the setting's own type.

    Raises:
        ConfigError: It does not fit. The message names the key and the origin, and never the value
            of a secret.
    """
    declared = next(s for s in describe(settings) if s.name == name)
    try:
        converted = _converted(declared.type, value)
        valid = attrs.fields_dict(settings)[name].metadata.get("valid")
        problem = valid(converted) if valid else ""
    except (ValueError, TypeError, InvalidOperation):
        problem = f"it takes {_in_words(declared)}"
    if problem:
        shown = "that value" if declared.secret else repr(value)
        raise ConfigError(
            f"{name} cannot be {shown}",
            why=f"{problem}; it was set by {origin}",
            fix=f"runctl config set {name} VALUE, or mend {origin}",
        )
    return converted


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)]
        return kinds[0], True
    return hint, False


def _choices(kind: Any) -> tuple[str, ...]:
    if typing.get_origin(kind) is typing.Literal:
        return tuple(str(choice) for choice in typing.get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return tuple(str(member.value) for member in kind)
    return ()


def _converted(kind: Any, value: Any) -> Any:
    if choices := _choices(kind):
        if value not in choices:
            raise ValueError(value)
        return kind(value) if isinstance(kind, type) else value
    if typing.get_origin(kind) is list:
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list | tuple):
            raise TypeError(value)
        (item,) = typing.get_args(kind)
        return [_converted(item, entry.strip() if isinstance(entry, str) else entry) for entry in items]
    if kind is bool:
        return _bool(value)
    if isinstance(value, bool):
        raise TypeError(value)
    if kind is Decimal:
        number = Decimal(str(value))
        if not number.is_finite():
            raise ValueError(value)
        return number
    if kind is str and not isinstance(value, str):
        raise TypeError(value)
    return kind(value)


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(value)
    return word in _TRUE


def _in_words(declared: Setting) -> str:
    if declared.choices:
        return f"one of {', '.join(declared.choices)}"
    words = {
        "str": "a text",
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "Decimal": "an amount of dollars",
    }
    return words.get(getattr(declared.type, "__name__", ""), "a list of texts")
