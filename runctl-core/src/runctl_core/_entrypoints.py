"""Entry points, read from the metadata files of installed packages without `importlib.metadata`.

That module costs 40 ms at import, and `typing` 10 ms: more than everything else that `runctl --help`
does. The result is the same (a test holds it against the standard library): of each distribution the
first one on the path counts. Only folders are searched: installers unpack what they install, and a
zip archive on the path would have to be opened to find that it brings nothing.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

_SUFFIXES = (".dist-info", ".egg-info")


class EntryPoint:
    """One entry point, and the distribution that brings it.

    Attributes:
        group: The group that it is in.
        name: Its name.
        value: What it names, as `module:attribute`.
        distribution: The distribution that brings it.
        version: That distribution's version.
        metadata_dir: The folder of that distribution's metadata.
    """

    __slots__ = ("distribution", "group", "metadata_dir", "name", "value", "version")

    def __init__(self, group: str, name: str, value: str, metadata_dir: str) -> None:
        self.group = group
        self.name = name
        self.value = value
        self.metadata_dir = metadata_dir
        stem = os.path.basename(metadata_dir).rpartition(".")[0]
        self.distribution = _header(metadata_dir, "Name") or stem.partition("-")[0]
        self.version = _header(metadata_dir, "Version") or stem.partition("-")[2] or "unknown"

    @property
    def source(self) -> str:
        """Distribution and version, in words."""
        return f"{self.distribution} {self.version}"


def entry_points(group: str, path: Sequence[str] | None = None) -> list[EntryPoint]:
    """Every entry point of `group`, sorted by name and distribution."""
    found = []
    marker = f"[{group}]"
    for folder in _metadata_dirs(sys.path if path is None else path):
        text = _read(os.path.join(folder, "entry_points.txt"))
        if marker in text:
            found += [EntryPoint(group, name, value, folder) for name, value in _section(text, group)]
    return sorted(found, key=lambda point: (point.name, point.distribution))


def enabled(group: str) -> list[EntryPoint]:
    """The entry points of a group that `RUNCTL_PLUGINS` (`none`, or names with commas) leaves in."""
    wanted = os.environ.get("RUNCTL_PLUGINS", "").strip()
    points = entry_points(group)
    if not wanted:
        return points
    names = set() if wanted == "none" else {name.strip() for name in wanted.split(",")}
    return [point for point in points if point.name in names]


def clash(point: EntryPoint, others: Iterable[EntryPoint], taken: Collection[str]) -> str:
    """Why an entry point may not have its name; empty when it may.

    Args:
        point: The entry point.
        others: All of its group.
        taken: Names that runctl has itself.
    """
    if point.name in taken:
        return f"runctl has {point.name} itself"
    twins = [other.source for other in others if other.name == point.name]
    return f"two plugins have this name, so neither is used: {' and '.join(twins)}" if len(twins) > 1 else ""


def summary(point: EntryPoint) -> str:
    """The one-line summary of the distribution that brings an entry point."""
    return _header(point.metadata_dir, "Summary")


def _metadata_dirs(path: Sequence[str]) -> Iterator[str]:
    seen: set[str] = set()
    for folder in path:
        try:
            # Not sorted: of two versions left in one folder, the standard library takes the first.
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for entry in names:
            if entry.endswith(_SUFFIXES):
                key = _normal(entry.rpartition(".")[0].partition("-")[0])
                if key not in seen:
                    seen.add(key)
                    yield os.path.join(folder or ".", entry)


def _normal(name: str) -> str:
    words = name.lower().replace("-", "_").replace(".", "_").split("_")
    inner = [word for word in words[1:-1] if word]
    return "_".join([words[0], *inner, *words[-1:]]) if len(words) > 1 else name.lower()


def _header(folder: str, field: str) -> str:
    """The first value of a field in the header of a distribution's metadata."""
    for name in ("METADATA", "PKG-INFO"):
        for line in _read(os.path.join(folder, name)).splitlines():
            if not line:
                break
            if line.startswith(f"{field}:"):
                return line.partition(":")[2].strip()
    return ""


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
        if line.startswith("[") and line.endswith("]"):
            inside = line.strip("[]") == group
        elif inside and line and not line.startswith("#"):
            name, equals, value = line.partition("=")
            if equals:
                yield name.strip(), value.strip()
