"""From where to where: of a checkpoint that is named by itself, the manifest beside it comes along."""

from __future__ import annotations

import os

from attrs import evolve, frozen

from runctl_core.checkpoints.manifest import SUFFIX
from runctl_core.errors import NotFound, UsageError
from runctl_core.stores.opening import Place
from runctl_core.transfer.local_target import LocalTarget
from runctl_core.transfer.sources import LocalSource, Source, StoreSource
from runctl_core.transfer.store_target import StoreTarget
from runctl_core.transfer.targets import Target

Where = str | Place
"""A path of this computer, or a place in a store."""


@frozen
class Route:
    """One source and one target.

    Attributes:
        source: Where from.
        target: Where to.
        rename: The name at the target of a source that is one file; its own by default.
    """

    source: Source
    target: Target
    rename: str | None = None


def routes(source: Where, target: Where, key: str, *, into: bool) -> list[Route]:
    """The routes of a transfer: a folder's contents go into the target, a file to its name.

    Args:
        source: Where from.
        target: Where to.
        key: Names the transfer, so that the same command goes on where it was killed.
        into: Whether a file goes into the target even if that is no folder yet.

    Raises:
        NotFound: Nothing is there.
        UsageError: The target lies in the source.
    """
    reading = _source(source)
    if reading.is_file:
        folder, name = _file_at(source, target, into)
        found = [Route(reading, _target(folder, key), name)]
    else:
        _require_outside(source, target)
        folder, name = _split(target)
        found = [Route(reading, _target(target, key))]
    return [*found, *_of_manifest(source, folder, name, key)]


def _of_manifest(source: Where, folder: Where, name: str, key: str) -> list[Route]:
    beside = evolve(source, name=source.name + SUFFIX) if isinstance(source, Place) else source + SUFFIX
    if not name or (isinstance(source, Place) and not source.name):
        return []
    try:
        return [Route(_source(beside), _target(folder, key), name + SUFFIX)]
    except NotFound:
        return []


def _file_at(source: Where, target: Where, into: bool) -> tuple[Where, str]:
    """The folder and the name of a single file at the target."""
    if into or _is_folder(target):
        return target, os.path.basename(source.name if isinstance(source, Place) else source)
    return _split(target)


def _is_folder(target: Where) -> bool:
    if not isinstance(target, Place):
        return os.path.isdir(target)
    return not target.name or bool(target.files(f"{target.name}/"))


def _split(where: Where) -> tuple[Where, str]:
    if isinstance(where, Place):
        folder, _, name = where.name.rpartition("/")
        return evolve(where, name=folder), name
    return os.path.split(where)


def _source(where: Where) -> Source:
    return StoreSource(where) if isinstance(where, Place) else LocalSource(where)


def _target(where: Where, key: str) -> Target:
    return StoreTarget(where) if isinstance(where, Place) else LocalTarget(where, key)


def _require_outside(source: Where, target: Where) -> None:
    if isinstance(source, Place) or isinstance(target, Place):
        return
    if os.path.realpath(target).startswith(os.path.join(os.path.realpath(source), "")):
        raise UsageError(f"{target} lies in {source}", fix="transfer to a folder outside of it")
