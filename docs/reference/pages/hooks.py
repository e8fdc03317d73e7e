"""`hooks.md`: every hook, from the specification that plugins are held to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pages.markdown import block, docstring
from runctl_core import hookspecs
from runctl_core.hookspecs import PluginSpec, TrainingProviderSpec

_PLUGIN = Path(__file__).parents[3] / "tests" / "typing" / "mycloud"
_WHOLE = """\
## A whole provider

The plugin that the examples speak of, as the tests run it and as `mypy --strict` reads it. Its
machines are folders of this computer.
"""


def page() -> str:
    """The whole page."""
    parts = ["# Hooks\n", docstring(hookspecs.__doc__)]
    for name, hook in hooks():
        parts += [f"## {name}\n", block(declared(name, hook)), docstring(hook.__doc__)]
    parts.append(_WHOLE)
    for file in ("__init__.py", "settings.py", "provider.py", "command.py"):
        parts += [f"`mycloud/{file}`:\n", block((_PLUGIN / file).read_text(encoding="utf-8"))]
    return "\n".join(parts)


def hooks() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every hook with its specification, in the order of the code."""
    declared = {**vars(TrainingProviderSpec), **vars(PluginSpec)}
    return ((name, hook) for name, hook in declared.items() if name.startswith("runctl_"))


def declared(name: str, hook: Callable[..., Any]) -> str:
    """The line with which a plugin begins the hook."""
    signature = inspect.signature(hook)
    arguments = ", ".join(f"{p.name}: {p.annotation}" for p in list(signature.parameters.values())[1:])
    return f"def {name}({arguments}) -> {signature.return_annotation}"
