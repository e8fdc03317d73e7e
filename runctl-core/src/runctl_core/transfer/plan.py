"""What a transfer has to do: decided for each file from what is at the source and what is at the target."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from attrs import frozen

from runctl_core.transfer.items import Item


class Act(StrEnum):
    """What becomes of one file."""

    COPY = "copy"
    REPLACE = "replace"
    SKIP = "skip"


@frozen
class There:
    """What a target has under a name.

    Attributes:
        size_bytes: Its size.
        modified_ns: When it was changed, in nanoseconds since 1970.
        link: Where it leads, when it is a link.
        is_folder: Whether it is a folder, or anything else that no file may replace.
        keeps_time: Whether its time is its source's; otherwise it is when it was written here.
    """

    size_bytes: int
    modified_ns: int
    link: str | None = None
    is_folder: bool = False
    keeps_time: bool = True


@frozen
class Step:
    """What is done with one file.

    Attributes:
        item: The file at the source.
        name: Its name at the target.
        act: What becomes of it.
        there: What the target had when this was decided.
    """

    item: Item
    name: str
    act: Act
    there: There | None


def decide(item: Item, there: There | None, same_content: Callable[[], bool], *, checksum: bool) -> Act:
    """What becomes of a file.

    Args:
        item: The file at the source.
        there: What the target has under its name.
        same_content: Compares both byte by byte; called only where size and time leave a doubt.
        checksum: Whether they always do.
    """
    if there is None:
        return Act.COPY
    if item.link is not None or there.link is not None:
        return Act.SKIP if item.link == there.link else Act.REPLACE
    if item.size_bytes != there.size_bytes:
        return Act.REPLACE
    if not checksum and _same_time(item, there):
        return Act.SKIP
    return Act.SKIP if same_content() else Act.REPLACE


def _same_time(item: Item, there: There) -> bool:
    """A store keeps when it got a file: its copy of a file that was not changed since is that file."""
    if there.keeps_time:
        return item.modified_ns == there.modified_ns
    return item.modified_ns <= there.modified_ns
