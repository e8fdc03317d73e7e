"""The formats that plugins bring, by the entry-point group `runctl.checkpoint_formats`.

They are imported when something fits none of runctl's own, once a process. One that cannot be loaded,
raises or hangs is named by `broken()`, and stops nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from runctl_core.checkpoints import sidefiles
from runctl_core.models.checkpoints import Format, Look

if TYPE_CHECKING:
    from runctl_core._entrypoints import EntryPoint

LOAD_TIMEOUT_S = 10.0
LOOK_TIMEOUT_S = 5.0
"""How long a plugin's format may take for one file. One that takes longer is not asked again."""


@frozen
class Broken:
    """A format that cannot be used.

    Attributes:
        name: Its name.
        source: The distribution that brings it, and its version.
        error: Why.
    """

    name: str
    source: str
    error: str


_formats: list[Format] | None = None
_broken: dict[str, Broken] = {}
_hung: set[str] = set()


def by_suffix(suffix: str, taken: Collection[str]) -> Format | None:
    """The format of files with this suffix, which has its dot."""
    return next((form for form in formats(taken) if suffix in form.suffixes), None)


def by_marks(names: Collection[str], taken: Collection[str]) -> Format | None:
    """The format of a folder with these names in it."""
    from fnmatch import filter as matching

    return next((f for f in formats(taken) if any(matching(names, mark) for mark in f.marks)), None)


def formats(taken: Collection[str]) -> list[Format]:
    """Every plugin's format that works.

    Args:
        taken: The names of runctl's own, which none may have.
    """
    global _formats
    if _formats is None:
        from runctl_core.plugins import checkpoint_formats

        points = checkpoint_formats()
        _formats = [form for point in points if (form := _loaded(point, points, taken))]
    return _formats


def broken() -> list[Broken]:
    """The formats of plugins that could not be used so far."""
    return list(_broken.values())


def _loaded(point: EntryPoint, points: list[EntryPoint], taken: Collection[str]) -> Format | None:
    from runctl_core._entrypoints import clash
    from runctl_core.loading import in_words, require
    from runctl_core.timeouts import within

    try:
        why = clash(point, points, taken)
        require(not why, why)
        form = within(LOAD_TIMEOUT_S, lambda: _imported(point), name=f"load {point.name}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        _note(point, in_words(error))
        return None
    study = _guarded(point, form.study) if form.study else None
    return evolve(form, look=_guarded(point, form.look), study=study)


def _imported(point: EntryPoint) -> Format:
    from runctl_core.loading import import_plugin, prints_to_stderr, require

    with prints_to_stderr():
        loaded = import_plugin(point)
        form: Format = loaded() if isinstance(loaded, type) else loaded
    require(isinstance(form, Format), f"{point.value} is {form!r}, not a Format")
    require(form.name == point.name, f"it calls itself {form.name}, its entry point {point.name}")
    for suffix in form.suffixes:
        require(suffix[:1] == "." and suffix == suffix.lower(), f"{suffix!r} is no suffix in lower case")
    return evolve(form, suffixes=tuple(form.suffixes), marks=tuple(form.marks))


def _guarded(point: EntryPoint, look: Callable[[str], Look]) -> Callable[[str], Look]:
    """The plugin's own look, with a time limit; what it raises is what is wrong with the file."""
    from runctl_core.loading import in_words
    from runctl_core.timeouts import TooLate, within

    def guarded(path: str) -> Look:
        if point.name in _hung:
            return Look(False, f"not looked at: the format {point.name} did not answer before")
        try:
            return within(LOOK_TIMEOUT_S, lambda: _checked(look(path)), name=f"look of {point.name}")
        except (OSError, KeyboardInterrupt):
            raise
        except BaseException as error:
            if isinstance(error, TooLate):
                _hung.add(point.name)
            _note(point, in_words(error))
            return Look(False, f"the format {point.name} failed: {in_words(error)}")

    return guarded


def _checked(found: Look) -> Look:
    """The look with plain values only, so that whatever a plugin puts there can be printed."""
    import json

    from runctl_core.loading import require

    require(isinstance(found, Look), f"it gave {found!r}, not a Look")
    details = json.loads(json.dumps(dict(found.details), default=str, allow_nan=False))
    return evolve(
        found,
        complete=found.complete is True,
        problem=str(found.problem),
        metrics=sidefiles.finite(found.metrics),
        details=details,
    )


def _note(point: EntryPoint, error: str) -> None:
    _broken.setdefault(point.name, Broken(point.name, point.source, error))
