"""What a transfer carries: files and links by name, and which names are safe to make."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from attrs import frozen

from runctl_core.errors import Refused

PARTIAL = ".runctl-part-"
"""How the name of a file that is on its way begins."""

_OURS = (PARTIAL, ".runctl-prune-")
"""Names that begin so are what a command of ours left, or still works with; they are no data."""


@frozen
class Item:
    """One file, or one link, that is to be carried.

    Attributes:
        name: Its path below the source, parts divided by `/`; of a source that is one file, its name.
        size_bytes: Its size when it was listed.
        identity: Size and time, or the store's mark: another text means that it was changed.
        modified_ns: When it was changed, in nanoseconds since 1970.
        mode: Its permissions; None where there are none.
        link: Where it leads, when it is a link; relative, and inside the source.
    """

    name: str
    size_bytes: int
    identity: str
    modified_ns: int
    mode: int | None = None
    link: str | None = None


def require_safe(items: Iterable[Item]) -> None:
    """Raise Refused, naming it, for a name that leads out of the target, or that is two things at once."""
    names: set[str] = set()
    for item in items:
        if not is_safe(item.name):
            raise Refused(
                f"{item.name!r} is no safe name for a file",
                why="it would lie outside of the target",
                fix="rename it at its source",
            )
        if item.name in names:
            raise Refused(f"the source has {item.name} twice", fix="rename one of them at its source")
        names.add(item.name)
    for name in names:
        for folder in _folders(name):
            if folder in names:
                raise Refused(
                    f"{folder} is a file and a folder at once",
                    why=f"the source has {name} too",
                    fix="rename one of them at its source",
                )


def is_safe(name: str) -> bool:
    """Whether a relative name stays where it is put."""
    parts = name.split("/")
    return "\0" not in name and not any(part in ("", ".", "..") for part in parts)


def is_ours(name: str) -> bool:
    """Whether a name is that of something that a killed command of ours left."""
    return posixpath.basename(name).startswith(_OURS)


def stays_inside(name: str, link: str) -> bool:
    """Whether a link at `name` leads to somewhere below the root, by its text."""
    end = posixpath.normpath(posixpath.join(posixpath.dirname(name), link))
    return not posixpath.isabs(link) and end.split("/")[0] != ".."


def _folders(name: str) -> Iterable[str]:
    parts = name.split("/")
    return ("/".join(parts[:n]) for n in range(1, len(parts)))
