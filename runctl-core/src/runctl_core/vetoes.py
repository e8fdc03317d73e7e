"""Asks plugins whether a resource may be deleted; the hook is `runctl_protect`.

Isolation never widens what is deleted: a plugin that raises, hangs, cannot be loaded, or is left out,
may be the one that would have said no. So it says no.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from runctl_core._entrypoints import clash, enabled, entry_points
from runctl_core.loading import hooks_of, in_words
from runctl_core.plugins import LOAD_TIMEOUT_S, PLUGINS, PROVIDERS
from runctl_core.timeouts import TooLate, within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runctl_core._entrypoints import EntryPoint
    from runctl_core.models.resources import Resource

TIMEOUT_S = 2.0
"""How long a plugin may think about one resource."""

_LONG = 200


class Vetoes:
    """Asks every plugin, one after the other; from any thread.

    Args:
        timeout_s: Seconds that each has for one resource.
    """

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._plugins = entry_points(PLUGINS)
        self._providers = entry_points(PROVIDERS)
        self._hooks: dict[tuple[str, str, str], Any] = {}
        self._lost: dict[tuple[str, str, str], str] = {}

    def of(self, resource: Resource) -> tuple[str, ...]:
        """Every veto against deleting `resource`, with the name of who says so."""
        own = [point for point in self._providers if point.name == resource.provider]
        with self._lock:
            asked = [(point, self._ask(point, resource)) for point in (*self._plugins, *own)]
        return tuple(f"the plugin {point.name} ({point.source}): {why}" for point, why in asked if why)

    def unfit(self) -> Iterator[tuple[EntryPoint, str]]:
        """Every plugin of `runctl.plugins`, with the reason why it cannot be asked; empty for none."""
        for point in self._plugins:
            with self._lock:
                self._hooks_of(point)
            yield point, self._lost.get(_key(point), "")

    def _ask(self, point: EntryPoint, resource: Resource) -> str:
        hooks = self._hooks_of(point)
        if hooks is None:
            return self._lost[_key(point)]
        try:
            return within(self._timeout_s, lambda: _answer(hooks, resource), name=f"{point.name}: protect")
        except KeyboardInterrupt:
            raise
        except TooLate:
            self._lost[_key(point)] = f"it did not answer within {self._timeout_s:g} s, and is asked no more"
            return self._lost[_key(point)]
        except BaseException as error:
            return f"it failed: {in_words(error)}"

    def _hooks_of(self, point: EntryPoint) -> Any:
        """The hooks of a plugin, loaded once; None when it is lost for this process."""
        key = _key(point)
        if key not in self._hooks and key not in self._lost:
            self._load(point)
        return None if key in self._lost else self._hooks[key]

    def _load(self, point: EntryPoint) -> None:
        from runctl_core.hookspecs import PluginSpec, TrainingProviderSpec

        key = _key(point)
        group = self._plugins if point.group == PLUGINS else self._providers
        spec = PluginSpec if point.group == PLUGINS else TrainingProviderSpec
        if why := clash(point, group, ()) or _left_out(point):
            self._lost[key] = why
            return
        try:
            self._hooks[key] = within(
                LOAD_TIMEOUT_S, lambda: hooks_of(point, spec), name=f"load {point.name}"
            )
        except KeyboardInterrupt:
            raise
        except TooLate:
            self._lost[key] = f"it did not load within {LOAD_TIMEOUT_S:.0f} s"
        except BaseException as error:
            self._lost[key] = f"it cannot be loaded: {in_words(error)}"


def _key(point: EntryPoint) -> tuple[str, str, str]:
    return point.group, point.metadata_dir, point.name


def _answer(hooks: Any, resource: Resource) -> str:
    """What a plugin says, in one line; empty for None, and for nothing else."""
    answers = hooks.runctl_protect(resource=resource)
    lines = [(str(answer).strip().splitlines() or ["it gives no reason"])[0][:_LONG] for answer in answers]
    return ", ".join(lines)


def _left_out(point: EntryPoint) -> str:
    if point.name in {other.name for other in enabled(point.group)}:
        return ""
    return f"RUNCTL_PLUGINS={os.environ.get('RUNCTL_PLUGINS', '')} leaves it out, so nobody can ask it"
