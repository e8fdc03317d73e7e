"""Which resources a cleanup is about. What is not meant is neither deleted nor told of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from attrs import frozen

from runctl_core.inventory import Item
from runctl_core.tracking import Mark


@frozen
class Selection:
    """What is meant; every field narrows.

    Attributes:
        owner: Whose; what was adopted is the user's own, whoever made it.
        project: Of which project.
        tags: `KEY=VALUE`, or `KEY` for any value; all of them.
        made_before: Older than this. What is of unknown age is not meant then.
        orphans: Only what no run of these books was made for.
    """

    owner: str
    project: str | None = None
    tags: tuple[str, ...] = ()
    made_before: datetime | None = None
    orphans: bool = False


def select(items: Iterable[Item], selection: Selection) -> Iterator[Item]:
    """What of the inventory is meant: what runctl made or the user adopted, and does not ignore."""
    return (item for item in items if item.ours and _is_meant(item, selection))


def _is_meant(item: Item, selection: Selection) -> bool:
    resource = item.resource
    return (
        Mark.IGNORED not in item.marks
        and (resource.owner == selection.owner or Mark.ADOPTED in item.marks)
        and selection.project in (None, resource.project)
        and all(_has(resource.tags, tag) for tag in selection.tags)
        and _is_old(item.created_at, selection.made_before)
        and not (selection.orphans and item.run is not None)
    )


def _has(tags: Mapping[str, str], wanted: str) -> bool:
    key, equals, value = wanted.partition("=")
    return key in tags and (not equals or tags[key] == value)


def _is_old(made: datetime | None, before: datetime | None) -> bool:
    return before is None or (made is not None and made < before)
