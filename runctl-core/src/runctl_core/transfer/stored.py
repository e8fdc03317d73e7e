"""The checkpoints of a store: those that have a manifest there. One without does not exist."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from functools import partial

from runctl_core.checkpoints import claim_file
from runctl_core.checkpoints.contents import ITSELF, Unreadable
from runctl_core.checkpoints.manifest import LIMIT, SUFFIX, Manifest, parse
from runctl_core.checkpoints.naming import numbers
from runctl_core.checkpoints.verdict import Finding
from runctl_core.errors import NotFound
from runctl_core.models.checkpoints import Checkpoint
from runctl_core.retry import retry
from runctl_core.stores import StoredFile
from runctl_core.stores.opening import PATIENCE, Place

_FOLDER = "folder"


def stored_checkpoints(place: Place) -> list[Checkpoint]:
    """The checkpoints below a name in a store, newest first.

    One is whole when every file that its manifest names is there with its size; no file but manifests
    is read. Raises what the store raises.
    """
    below = f"{place.name}/" if place.name else ""
    files = {file.name: file for file in place.files(below)}
    found = [_described(place, files, name) for name in files if name.endswith(SUFFIX)]
    return sorted(found, key=lambda checkpoint: (checkpoint.modified_at, checkpoint.path), reverse=True)


def stored_checkpoint(place: Place) -> Checkpoint:
    """The checkpoint of this name. Raises NotFound when it has no manifest, and what the store raises."""
    files = {file.name: file for file in place.files(place.name)}
    if place.name + SUFFIX not in files:
        url = place.root + place.name
        raise NotFound(f"no checkpoint has a manifest at {url}", fix=f"runctl checkpoint list {place.root}")
    return _described(place, files, place.name + SUFFIX)


def _described(place: Place, files: Mapping[str, StoredFile], manifest_name: str) -> Checkpoint:
    name, size_bytes, problem, form = manifest_name.removesuffix(SUFFIX), 0, "", _FOLDER
    try:
        manifest = manifest_of(place, name)
    except Unreadable as error:
        problem = f"its manifest is damaged: {error}"
    else:
        size_bytes = sum(digest.size_bytes for digest in manifest.files.values())
        problem = _problem(name, manifest, files)
        claimed = claim_file(posixpath.basename(name)) if ITSELF in manifest.files else None
        form = claimed.name if claimed else _FOLDER
    named = numbers(name)
    return Checkpoint(
        path=f"{place.root}{name}",
        format=form,
        step=named.step,
        epoch=named.epoch,
        size_bytes=size_bytes,
        modified_at=files[manifest_name].modified_at,
        complete=not problem,
        problem=problem,
        metrics=named.metrics,
    )


def differences(name: str, manifest: Manifest, files: Mapping[str, StoredFile]) -> Iterator[Finding]:
    """Each file of a checkpoint that is not there as the manifest has it, as far as a listing tells."""
    for part, digest in manifest.files.items():
        file = files.get(name if part == ITSELF else f"{name}/{part}")
        if file is None:
            yield Finding(part, "missing")
        elif file.size_bytes != digest.size_bytes:
            yield Finding(part, f"it should have {digest.size_bytes} bytes, and has {file.size_bytes}")


def manifest_of(place: Place, name: str) -> Manifest:
    """The manifest of a checkpoint in a store. Raises Unreadable, NotFound, and what the store raises."""
    data = b""
    while len(data) <= LIMIT:
        read = partial(place.store.read, name + SUFFIX, len(data), LIMIT + 1 - len(data))
        if not (piece := retry(read, PATIENCE)):
            break
        data += piece
    return parse(data)


def _problem(name: str, manifest: Manifest, files: Mapping[str, StoredFile]) -> str:
    """The first file that is not there as the manifest has it; empty for none."""
    for found in differences(name, manifest, files):
        return f"{found.what}: {name if found.file == ITSELF else f'{name}/{found.file}'}"
    return ""
