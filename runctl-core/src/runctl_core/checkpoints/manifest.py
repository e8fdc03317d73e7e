"""Manifests: the sizes and hashes of a checkpoint's files, in a file beside it, written last.

Whoever finds a manifest knows that everything it names was on the disk before it. A manifest may have
been written by anyone: it is read with limits, and nothing that it names outside of the checkpoint is
ever looked at.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from runctl_core.checkpoints import sidefiles
from runctl_core.checkpoints.contents import (
    ITSELF,
    Advance,
    Digest,
    Unreadable,
    files,
    located,
    read_all,
)
from runctl_core.checkpoints.regular import opened
from runctl_core.checkpoints.verdict import Evidence, Finding, Verification
from runctl_core.errors import Damaged, NotFound, Refused
from runctl_core.paths import remove_abandoned_parts, write_whole

SUFFIX = ".manifest.json"
VERSION = 1
LIMIT = sidefiles.LIMIT
"""No manifest is larger than this, in bytes."""

_LONGEST_PATH = 4096
_SHA256 = re.compile(r"[0-9a-f]{64}")


@frozen
class Manifest:
    """What a checkpoint was when its manifest was written.

    Attributes:
        files: Size and hash of each file, by its path relative to the checkpoint; `.` for a checkpoint
            that is a file.
    """

    files: Mapping[str, Digest]


def beside(path: str) -> str:
    """Where the manifest of a checkpoint is: `NAME.manifest.json` beside it, never in it."""
    return os.path.abspath(path) + SUFFIX


def exists(path: str) -> bool:
    """Whether a checkpoint has a manifest, or something in its place."""
    return os.path.lexists(beside(path))


def write(path: str, advance: Advance = lambda _: None) -> Manifest:
    """Read a checkpoint to its end, have it on the disk, and write its manifest, in this order.

    Args:
        path: The checkpoint.
        advance: Is told how many more bytes were read.

    Raises:
        NotFound: Nothing is there.
        Refused: It changes, leads out of itself, or has too many files.
        OSError: The disk refuses.
    """
    if not os.path.exists(path):
        raise NotFound(f"nothing at {path}", fix="check the path")
    manifest = Manifest(dict(_digests(path, advance)))
    text = _text(manifest)
    try:
        parse(text)
    except Unreadable as error:
        raise _refused(path, f"its manifest could not be read again: {error}") from error
    remove_abandoned_parts(beside(path))
    write_whole(beside(path), [text], durable=True)
    return manifest


def read(path: str) -> Manifest:
    """The manifest of a checkpoint.

    Raises:
        NotFound: It has none.
        Damaged: What is there is no manifest, or names what no checkpoint has.
        OSError: It cannot be read.
    """
    place = beside(path)
    try:
        with opened(located(place, ITSELF)) as file:
            return parse(file.read(LIMIT + 1))
    except Unreadable as error:
        if not os.path.lexists(place):
            raise NotFound(
                f"{path} has no manifest", fix=f"runctl checkpoint verify {path} --record"
            ) from error
        raise _damaged(place, str(error)) from error


def check(path: str, *, deep: bool = True, advance: Advance = lambda _: None) -> Verification:
    """Hold a checkpoint against its manifest, and name every difference.

    A checkpoint without a manifest is not to be verified; one whose manifest is damaged is damaged.

    Args:
        path: The checkpoint.
        deep: Compare the hashes too; otherwise only which files there are, and their sizes.
        advance: Is told how many more bytes were read.
    """
    evidence = Evidence.HASHES if deep else Evidence.SIZES
    full = os.path.abspath(path)
    try:
        manifest = read(full)
    except NotFound as error:
        return Verification(full, evidence, (Finding(ITSELF, error.message, damage=False),))
    except Damaged as error:
        finding = Finding(os.path.basename(beside(full)), error.why or error.message)
        return Verification(full, evidence, (finding,))
    except OSError as error:
        finding = Finding(os.path.basename(beside(full)), error.strerror or str(error), damage=False)
        return Verification(full, evidence, (finding,))
    return _compared(full, manifest, evidence, advance)


def _digests(path: str, advance: Advance) -> Iterator[tuple[str, Digest]]:
    try:
        names = files(path)
    except Unreadable as error:
        raise _refused(path, str(error)) from error
    for name, found in read_all(path, names, advance, durable=True):
        if isinstance(found, str):
            raise _refused(path, found if name == ITSELF else f"{name}: {found}")
        yield name, found


def _text(manifest: Manifest) -> bytes:
    """A line for each file, so that people can read it and compare two."""
    rows = (
        json.dumps({"path": name, "size_bytes": digest.size_bytes, "sha256": digest.sha256})
        for name, digest in manifest.files.items()
    )
    return (f'{{"version": {VERSION}, "files": [\n' + ",\n".join(rows) + "\n]}\n").encode()


def parse(data: bytes) -> Manifest:
    """The manifest in a file's bytes; `LIMIT` + 1 of them are enough. Raises Unreadable."""
    try:
        document = sidefiles.parsed(data)
    except sidefiles.Unreadable as error:
        raise Unreadable(str(error)) from error
    if not isinstance(document.get("files"), list):
        raise Unreadable("it is no manifest: it lists no files")
    version = document.get("version")
    if type(version) is not int or version != VERSION:
        said = f"version {version}"[:40] if type(version) is int else "no version"
        raise Unreadable(f"it has {said}, and {VERSION} is known here")
    return Manifest(_unique(map(_row, document["files"])))


def _row(row: Any) -> tuple[str, Digest]:
    try:
        path, size_bytes, sha256 = row["path"], row["size_bytes"], row["sha256"]
        is_hash = _SHA256.fullmatch(sha256)
    except (TypeError, LookupError) as error:
        raise Unreadable("a file in it has no path, size or hash") from error
    if not isinstance(path, str) or not _is_inside(path):
        shown = repr(path[:200]) if isinstance(path, str) else "something"
        raise Unreadable(f"it names {shown}, which is not in the checkpoint")
    if type(size_bytes) is not int or not 0 <= size_bytes < 1 << 63 or not is_hash:
        raise Unreadable(f"the size or the hash of {path[:200]!r} is none")
    return path, Digest(size_bytes, sha256)


def _is_inside(path: str) -> bool:
    """Whether it is a path that the operating system takes, and that does not lead upward."""
    if len(path) > _LONGEST_PATH or "\0" in path:
        return False
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return path == ITSELF or not {"", ".", ".."} & set(path.split(os.sep))


def _unique(rows: Iterable[tuple[str, Digest]]) -> dict[str, Digest]:
    found: dict[str, Digest] = {}
    for path, digest in rows:
        if path in found:
            raise Unreadable(f"it names {path[:200]!r} twice")
        found[path] = digest
    return found


def _compared(path: str, manifest: Manifest, evidence: Evidence, advance: Advance) -> Verification:
    expected = manifest.files
    try:
        there = set(files(path))
    except (Unreadable, OSError) as error:
        return Verification(path, evidence, (Finding(ITSELF, str(error)),))
    findings = [Finding(name, "not in the manifest") for name in sorted(there - expected.keys())]
    same_size: list[str] = []
    for name in sorted(expected):
        gone = name not in there and not os.path.lexists(os.path.join(path, name))
        if problem := "missing" if gone else _size_problem(path, name, expected[name]):
            findings.append(Finding(name, problem))
        else:
            same_size.append(name)
    read_bytes = 0
    for name, found in read_all(path, same_size if evidence is Evidence.HASHES else [], advance):
        if isinstance(found, str):
            findings.append(Finding(name, found))
            continue
        read_bytes += found.size_bytes
        if found != expected[name]:
            findings.append(Finding(name, f"its SHA-256 is {found.sha256}, not {expected[name].sha256}"))
    return Verification(path, evidence, tuple(findings), read_bytes)


def _size_problem(path: str, name: str, expected: Digest) -> str:
    try:
        has = os.path.getsize(located(path, name))
    except Unreadable as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
    return "" if has == expected.size_bytes else f"it should have {expected.size_bytes} bytes, and has {has}"


def _refused(path: str, why: str) -> Refused:
    return Refused(f"no manifest was written for {path}", why=why, fix=f"runctl checkpoint verify {path}")


def _damaged(place: str, why: str) -> Damaged:
    return Damaged(
        f"the manifest {place} is damaged",
        why=why,
        fix="copy the checkpoint again, or delete its manifest if you trust the checkpoint",
    )
