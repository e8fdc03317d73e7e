"""Loads one plugin: imports it, registers its hooks, and says in words what is wrong with it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from runctl_core.errors import PluginError, in_utf8
from runctl_core.timeouts import TooLate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runctl_core._entrypoints import EntryPoint


_LONG = 500
"""More of a message than this is no line for a person."""


def import_plugin(point: EntryPoint) -> Any:
    """What an entry point names. Raises whatever its module raises, `SystemExit` included."""
    import importlib

    module, _, attribute = point.value.partition("[")[0].partition(":")
    loaded: Any = importlib.import_module(module.strip())
    for part in filter(None, attribute.strip().split(".")):
        loaded = getattr(loaded, part)
    return loaded


def import_callable(point: EntryPoint, clash: str, kind: str) -> Any:
    """What an entry point names, something that can be called.

    Args:
        point: It.
        clash: Why it may not have its name; empty when it may.
        kind: What it should be, `a Typer app`.

    Raises:
        PluginError: It may not have its name, or it cannot be called.
        BaseException: What its module raises when it is imported.
    """
    require(not clash, clash)
    with prints_to_stderr():
        loaded = import_plugin(point)
    require(callable(loaded), f"{point.value} is {loaded!r}, not {kind}")
    return loaded


def hooks_of(point: EntryPoint, spec: type) -> Any:
    """The hooks of a plugin, to be called.

    Raises:
        PluginError: A hook's name or its arguments are not those of `spec`.
        BaseException: What its module raises when it is imported.
    """
    from pluggy import PluginManager, PluginValidationError

    manager = PluginManager("runctl")
    manager.add_hookspecs(spec)
    try:
        manager.register(import_plugin(point))
        manager.check_pending()
    except PluginValidationError as error:
        known = ", ".join(hook for hook in dir(spec) if hook.startswith("runctl_"))
        raise PluginError(f"{' '.join(str(error).split())} (hooks: {known})") from error
    return manager.hook


def require(true: bool, otherwise: str) -> None:
    """Raise PluginError with `otherwise` unless `true`."""
    if not true:
        raise PluginError(otherwise)


def in_words(error: BaseException) -> str:
    """What a plugin raised, in one line."""
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r})"
    text = in_utf8(str(error)).strip()[:_LONG].splitlines()
    if isinstance(error, PluginError | TooLate) and text:
        return text[0]
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


@contextmanager
def prints_to_stderr() -> Iterator[Printed]:
    """Send what is printed to standard error; the result notes whether anything was."""
    from contextlib import redirect_stdout

    printed = Printed()
    with redirect_stdout(printed):
        yield printed


class Printed:
    """Standard output for a plugin that is loading: notes that it printed, onto standard error."""

    anything = False

    def write(self, text: str) -> int:
        """Note it, and pass it on."""
        self.anything = True
        return sys.stderr.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)
