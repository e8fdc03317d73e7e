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


def fact(path: bytes) -> tuple[int, int, int, int]:
    """How a file looks: every write to it, and every change of its mode, changes this."""
    try:
        found = os.lstat(path)
    except OSError:
        return (-1, -1, -1, -1)
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def indexed(tree: bytes) -> tuple[list[Member], list[tuple[int, ...]]]:
    """What was sent as a tree, and how it looked; nothing for an index that is damaged."""
    try:
        with open(tree + b".index", "rb") as file:
            manifest = file.read(int(file.readline()))
            facts = [tuple(map(int, line.split())) for line in file]
        members = parsed(manifest)
    except (OSError, ValueError, Unsafe):
        return [], []
    return (members, facts) if len(members) == len(facts) else ([], [])


def is_as_sent(tree: bytes) -> bool:
    """Whether a tree has what was sent, as it was written, and nothing else."""
    members, facts = indexed(tree)
    expected = dict(zip((m.path for m in members), facts))
    seen = 0
    for path, found in everything(tree):
        if expected.get(path) != found:
            return False
        seen += 1
    return seen == len(expected)


def everything(tree: bytes) -> Iterator[tuple[bytes, tuple[int, int, int, int]]]:
    """Each path in a tree that is no folder, and how it looks."""
    waiting = [tree]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != DERIVED:
                        waiting.append(entry.path)
                else:
                    found = entry.stat(follow_symlinks=False)
                    look = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
                    yield entry.path[len(tree) + 1 :], look


def regular_files(folder: bytes) -> Iterator[tuple[bytes, int]]:
    """Each file below a folder, and its size."""
    for above, _, names in os.walk(folder):
        for name in names:
            found = os.lstat(above + b"/" + name)
            if stat.S_ISREG(found.st_mode):
                yield above + b"/" + name, found.st_size
