"""`contracts.md`: everything that `runctl_core.api` hands to authors of plugins."""

from __future__ import annotations

import ast
import inspect
import sys
from abc import ABC
from collections.abc import Iterator
from enum import Enum
from itertools import pairwise
from typing import Any

import attrs

from pages.markdown import anchor, block, code, docstring, entries, sections, table
from runctl_core import api

_INTRODUCTION = """\
# Contracts

What a plugin may import: `from runctl_core.api import …`. What is not listed here may change any
day. The [hooks](hooks.md) say how a plugin is found, and show a whole one.
"""


def page() -> str:
    """The whole page."""
    names = sorted(api.__all__, key=str.lower)
    contents = [(f"[`{name}`](#{anchor(name)})", _first_line(name)) for name in names]
    parts = [_INTRODUCTION, table(("Name", "What it is"), contents)]
    return "\n".join([*parts, *("\n".join(_name(name)) for name in names)])


def _first_line(name: str) -> str:
    return " ".join(next(body for _, body in sections(_text(name, getattr(api, name)))).split())


def _text(name: str, value: Any) -> str | None:
    """The docstring of a name, or the text below a constant."""
    if isinstance(value, type) or inspect.isfunction(value):
        return value.__doc__
    return _documented(ast.parse(inspect.getsource(_origin(name))).body)[name]


def _name(name: str) -> Iterator[str]:
    value = getattr(api, name)
    yield f"## {name}\n"
    if not isinstance(value, type):
        yield from _function(name, value) if inspect.isfunction(value) else _constant(name, value)
    elif issubclass(value, Enum):
        yield docstring(value.__doc__)
        yield table(("Member", "Value"), [(code(member.name), code(member.value)) for member in value])
        yield from _members(value)
    elif attrs.has(value):
        yield from _value(value)
    else:
        yield from _class(value)


def _function(name: str, function: Any) -> Iterator[str]:
    yield block(_signature(name, function))
    yield docstring(function.__doc__)


def _constant(name: str, value: Any) -> Iterator[str]:
    yield block(f"{name} = {value!r}" if isinstance(value, int) else name)
    yield docstring(_text(name, value))


def _value(kind: type) -> Iterator[str]:
    """A frozen attrs class: its fields, then what it works out from them."""
    yield "\n".join(_paragraphs(kind.__doc__))
    meanings = entries(kind.__doc__, "Attributes")
    rows = [
        (code(f.name), code(_annotation(f.type)), code(_default(f)), meanings[f.name])
        for f in attrs.fields(kind)
    ]
    yield table(("Attribute", "Type", "Default", "Meaning"), rows)
    yield from _members(kind)


def _class(kind: type) -> Iterator[str]:
    if "__init__" in vars(kind):
        yield block(_signature(kind.__name__, vars(kind)["__init__"]))
    if bases := [code(base.__name__) for base in kind.__bases__ if base not in (object, ABC)]:
        yield f"A special case of {', '.join(bases)}.\n"
    yield docstring(kind.__doc__)
    yield from _members(kind)


def _members(kind: type) -> Iterator[str]:
    """Public attributes, properties and methods of the class itself."""
    (tree,) = ast.parse(inspect.getsource(kind)).body
    documented = _documented(getattr(tree, "body", []))
    for name, member in vars(kind).items():
        if name.startswith("_"):
            continue
        if name in documented:
            yield f"### {kind.__name__}.{name}\n"
            yield block(f"{name}: {kind.__annotations__[name]} = {member!r}")
            yield docstring(documented[name])
        elif isinstance(member, property):
            yield f"### {kind.__name__}.{name}\n"
            yield docstring(member.__doc__)
        elif inspect.isfunction(member):
            yield f"### {kind.__name__}.{name}\n"
            yield block(_signature(name, member))
            yield docstring(member.__doc__)
            if getattr(member, "__isabstractmethod__", False):
                yield "To be written by whoever implements it.\n"


def _paragraphs(text: str | None) -> Iterator[str]:
    return (body + "\n" for title, body in sections(text) if not title)


def _signature(name: str, function: Any) -> str:
    """As it is called: without `self`, a parameter on each line when it is long."""
    signature = inspect.signature(function)
    shown: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in shown:
            shown.append("*")
        shown.append(_parameter(parameter))
    shown = [parameter for parameter in shown if parameter != "self"]
    returns = "" if name[0].isupper() else f" -> {_annotation(signature.return_annotation)}"
    line = f"{name}({', '.join(shown)}){returns}"
    return line if len(line) <= 96 else f"{name}(\n    " + ",\n    ".join(shown) + f",\n){returns}"


def _parameter(parameter: inspect.Parameter) -> str:
    if parameter.annotation is parameter.empty:
        return parameter.name
    return f"{parameter.name}: {_annotation(parameter.annotation)}{_preset(parameter.default)}"


def _preset(value: Any) -> str:
    """The default of a parameter; a function's address differs from run to run."""
    if value is inspect.Parameter.empty:
        return ""
    return " = ..." if inspect.isfunction(value) else f" = {value!r}"


def _annotation(kind: Any) -> str:
    return kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))


def _default(field: Any) -> str:
    if field.default is attrs.NOTHING:
        return ""
    value = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]
    return str(value) if isinstance(value, Enum) else repr(value)


def _origin(name: str) -> Any:
    """The module in which a constant of the API is written down."""
    for node in ast.parse(inspect.getsource(api)).body:
        if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
            return sys.modules[str(node.module)]
    raise LookupError(f"runctl_core.api imports no {name}")


def _documented(body: list[ast.stmt]) -> dict[str, str]:
    """The text below each assignment of a module or class."""
    found = {}
    for node, following in pairwise(body):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        text = following.value if isinstance(following, ast.Expr) else None
        if isinstance(target, ast.Name) and isinstance(text, ast.Constant) and isinstance(text.value, str):
            found[target.id] = text.value
    return found
