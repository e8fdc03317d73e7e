"""Entry points, read from the metadata files of installed packages without `importlib.metadata`.

That module costs 40 ms at import, more than everything else that `runctl ps` does. The result is the
same (a test holds it against the standard library): for each distribution on the path the first one
found counts, and only folders are searched, since runctl's plugins are never imported from archives.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_SUFFIXES = (".dist-info", ".egg-info")


class EntryPoint(NamedTuple):
    """One entry point, and the distribution that brings it."""

    group: str
    name: str
    value: str
    distribution: str
    version: str
    metadata_dir: str


def entry_points(group: str, path: Sequence[str] | None = None) -> list[EntryPoint]:
    """Every entry point of `group`, sorted by name and distribution."""
    found = []
    marker = f"[{group}]"
    for folder, distribution, version in _distributions(sys.path if path is None else path):
        text = _read(os.path.join(folder, "entry_points.txt"))
        if marker in text:
            for name, value in _section(text, group):
                found.append(EntryPoint(group, name, value, distribution, version, folder))
    return sorted(found, key=lambda point: (point.name, point.distribution))


def enabled(group: str) -> list[EntryPoint]:
    """The entry points of a group that `RUNCTL_PLUGINS` (`none`, or names with commas) leaves in."""
    wanted = os.environ.get("RUNCTL_PLUGINS", "").strip()
    points = entry_points(group)
    if not wanted:
        return points
    names = set() if wanted == "none" else {name.strip() for name in wanted.split(",")}
    return [point for point in points if point.name in names]


def summary(point: EntryPoint) -> str:
    """The one-line summary of the distribution that brings an entry point."""
    for name in ("METADATA", "PKG-INFO"):
        for line in _read(os.path.join(point.metadata_dir, name)).splitlines():
            if line.startswith("Summary:"):
                return line.partition(":")[2].strip()
            if not line:
                break
    return ""


def _distributions(path: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    seen: set[str] = set()
    for folder in path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for entry in sorted(names):
            if not entry.endswith(_SUFFIXES):
                continue
            stem = entry.rpartition(".")[0]
            name, _, rest = stem.partition("-")
            key = _normal(name)
            if key not in seen:
                seen.add(key)
                full = os.path.join(folder or ".", entry)
                yield full, name.replace("_", "-"), rest.partition("-")[0] or "unknown"


def _normal(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _section(text: str, group: str) -> Iterator[tuple[str, str]]:
    inside = False
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("["):
            inside = line == f"[{group}]"
        elif inside and line and not line.startswith(("#", ";")):
            name, equals, value = line.partition("=")
            if equals:
                yield name.strip(), value.strip()
