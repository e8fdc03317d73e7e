"""What formats of folders share: the names in one, and whether every part is whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import islice

from attrs import evolve

from runctl_core.checkpoints.formats.files import by_suffix
from runctl_core.models.checkpoints import Look

MOST_NAMES = 100_000
"""So many names of a folder are looked at, so that a folder of millions takes no memory."""

MOST_STUDIED = 16
"""So many files of a folder are read closely: each may take a quarter of a second."""


def names_in(path: str) -> set[str]:
    """The names in a folder, or as many of them as are looked at. Raises OSError."""
    with os.scandir(path) as items:
        return {item.name for item in islice(items, MOST_NAMES)}


def all_whole(folder: str, names: Iterable[str]) -> Look:
    """Whether files of a folder are whole, with the tensors of those whose headers tell.

    What one of them cannot verify cannot be verified of all.
    """
    whole = Look(True)
    for name in names:
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            return Look(False, f"{name} is no file" if os.path.lexists(path) else f"missing: {name}")
        form = by_suffix(path)
        look = form.look(path) if form else _not_empty(path)
        if not look.complete:
            return Look(False, f"{name}: {look.problem}")
        whole = _with(whole, look, name)
    return whole


def counted(look: Look, folder: str, names: Sequence[str]) -> Look:
    """A look with the numbers in these files counted, where headers alone did not tell, and they are few."""
    told = look.tensors is not None and look.tensors.parameters is not None
    if told or not look.complete or len(names) > MOST_STUDIED:
        return look
    forms = [(os.path.join(folder, name), by_suffix(name)) for name in names]
    seen = [form.study(path).tensors for path, form in forms if form and form.study]
    known = [tensors for tensors in seen if tensors]
    return evolve(look, tensors=sum(known[1:], known[0])) if known else look


def _not_empty(path: str) -> Look:
    return Look(True) if os.path.getsize(path) else Look(False, "empty")


def _with(whole: Look, look: Look, name: str) -> Look:
    problem = whole.problem or (f"{name}: {look.problem}" if look.problem else "")
    known = [tensors for tensors in (whole.tensors, look.tensors) if tensors]
    return evolve(
        whole,
        problem=problem,
        framework=whole.framework or look.framework,
        tensors=sum(known[1:], known[0]) if known else None,
    )
