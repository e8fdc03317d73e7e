"""How a tree looked when it was whole: kept beside it, so that any change is seen without reading files."""

from __future__ import annotations

import os
import stat

from .members import Member, Unsafe, parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

DERIVED = b"__pycache__"
"""What Python makes beside every module that it imports: no change of a tree."""


def save(tree: bytes, manifest: bytes, look: bytes) -> None:
    """Keep what was sent as a tree, and how that looks. Raises OSError."""
    with open(tree + b".index", "wb") as file:
        file.write(b"%d\n" % len(manifest) + manifest + look)


def load(tree: bytes) -> tuple[bytes, bytes]:
    """What `save` kept; nothing for an index that is damaged."""
    try:
        with open(tree + b".index", "rb") as file:
            return file.read(int(file.readline())), file.read()
    except (OSError, ValueError):
        return b"", b""


def look(tree: bytes) -> bytes:
    """How everything in a tree looks that is no folder: each write, and each change of a mode, changes it."""
    found = []
    begin = len(tree) + 1
    waiting = [tree]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != DERIVED:
                        waiting.append(entry.path)
                else:
                    found.append(row(entry.path[begin:], entry.stat(follow_symlinks=False)))
    return joined(found)


def joined(rows: list[bytes]) -> bytes:
    """The rows of a tree in order."""
    return b"\0".join(sorted(rows))


def is_as_sent(tree: bytes, manifest: bytes | None = None) -> bool:
    """Whether a tree is what was sent, and nothing else; and, when it is given, what this manifest says."""
    sent, looked = load(tree)
    return bool(sent) and manifest in (None, sent) and looked == look(tree)


def rows_of(looked: bytes) -> dict[bytes, bytes]:
    """The rows of a tree, by path."""
    return {line.split(b" ", 4)[4]: line for line in looked.split(b"\0") if line}


def unchanged_files(tree: bytes) -> Iterator[tuple[Member, bytes]]:
    """Files of a tree that are as they were sent, each with its path."""
    manifest, looked = load(tree)
    try:
        members = parsed(manifest)
    except Unsafe:
        return
    rows = rows_of(looked)
    for member in members:
        path = tree + b"/" + member.path
        if member.kind == b"f" and rows.get(member.path) == _row_of(member.path, path):
            yield member, path


def regular_files(folder: bytes) -> Iterator[tuple[bytes, int]]:
    """Each file below a folder, and its size."""
    for above, _, names in os.walk(folder):
        for name in names:
            found = os.lstat(above + b"/" + name)
            if stat.S_ISREG(found.st_mode):
                yield above + b"/" + name, found.st_size


def row(name: bytes, found: os.stat_result) -> bytes:
    """How one of them looks."""
    return b"%d %d %d %d %s" % (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, name)


def _row_of(name: bytes, path: bytes) -> bytes:
    try:
        return row(name, os.lstat(path))
    except OSError:
        return b""
