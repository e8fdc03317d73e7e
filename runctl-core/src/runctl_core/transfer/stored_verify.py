"""Whether a checkpoint in a store is what its manifest there says, file by file, read to the end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial

from runctl_core.checkpoints.contents import ITSELF, Unreadable
from runctl_core.checkpoints.manifest import SUFFIX, Manifest
from runctl_core.checkpoints.verdict import Evidence, Finding, Verification
from runctl_core.errors import NotFound
from runctl_core.retry import retry
from runctl_core.stores import Store
from runctl_core.stores.opening import PATIENCE, Place
from runctl_core.transfer.stored import differences, manifest_of, stored_checkpoints

_READ_BYTES = 4 << 20


def chosen(place: Place) -> list[tuple[str, int]]:
    """Names and sizes of the checkpoints that a place in a store stands for, newest first.

    One that has a manifest stands for itself, and a folder for all below it. Raises NotFound for none,
    and what the store raises.
    """
    itself = {file.name: file.size_bytes for file in place.files(place.name)}
    if place.name + SUFFIX in itself:
        return [(place.name, sum(size for name, size in itself.items() if _is_part(name, place.name)))]
    found = [(one.path.removeprefix(place.root), one.size_bytes) for one in stored_checkpoints(place)]
    if not found:
        url = place.root + place.name
        raise NotFound(f"no checkpoint has a manifest at {url}", fix=f"runctl checkpoint list {url}")
    return found


def _is_part(name: str, checkpoint: str) -> bool:
    return name == checkpoint or name.startswith(f"{checkpoint}/")


def verify_stored(place: Place, *, quick: bool, advance: Callable[[int], None]) -> Verification:
    """Hold a checkpoint against its manifest.

    Args:
        place: The checkpoint's own name in its store.
        quick: Compare the sizes only, which the store lists.
        advance: Is told how many more bytes were read.

    Raises:
        RunctlError: Whatever the store raises.
    """
    url, evidence = place.root + place.name, Evidence.SIZES if quick else Evidence.HASHES
    try:
        manifest = manifest_of(place, place.name)
    except Unreadable as error:
        name = place.name.rpartition("/")[2] + SUFFIX
        return Verification(url, evidence, (Finding(name, str(error)),))
    files = {file.name: file for file in place.files(place.name)}
    there = {name.removeprefix(f"{place.name}/") for name in files if name.startswith(f"{place.name}/")}
    findings = [*differences(place.name, manifest, files)]
    findings += [Finding(name, "not in the manifest") for name in sorted(there - manifest.files.keys())]
    if quick:
        return Verification(url, evidence, tuple(findings))
    known = {finding.file for finding in findings}
    read = sum(digest.size_bytes for part, digest in manifest.files.items() if part not in known)
    findings += _wrong_hashes(place, manifest, known, advance)
    return Verification(url, evidence, tuple(findings), read)


def _wrong_hashes(
    place: Place, manifest: Manifest, known: set[str], advance: Callable[[int], None]
) -> Iterator[Finding]:
    for part, digest in manifest.files.items():
        if part in known:
            continue
        found = hashlib.sha256()
        for data in _pieces(place.store, place.name if part == ITSELF else f"{place.name}/{part}"):
            found.update(data)
            advance(len(data))
        if found.hexdigest() != digest.sha256:
            yield Finding(part, f"its SHA-256 is {found.hexdigest()}, not {digest.sha256}")


def _pieces(store: Store, name: str) -> Iterator[bytes]:
    """A file to its end; a piece that does not come is asked for again."""
    offset = 0
    while data := retry(partial(store.read, name, offset, _READ_BYTES), PATIENCE):
        yield data
        offset += len(data)
