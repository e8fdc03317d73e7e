"""How resources are looked for and shown, the same for every command that lists them."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Annotated

from typer import Option

from runctl_core.cli import output

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from runctl_core.cli.session import Session
    from runctl_core.inventory import Inventory, Item

ProjectFilter = Annotated[str | None, Option("--project", help="Only of this project.")]
TagFilter = Annotated[
    list[str] | None, Option("--tag", metavar="KEY=VALUE", help="Only with this tag; again for more.")
]
AgeFilter = Annotated[
    str | None, Option("--older-than", metavar="AGE", help="Only what is older than `30m`, `12h`, `7d`.")
]
OfflineFlag = Annotated[
    bool, Option("--offline", "--cached", help="As last seen: ask nobody. Knows only what is in the books.")
]
AllFlag = Annotated[bool, Option("--all", "-a", help="Also what runctl did not start.")]

COLUMNS = ("RESOURCE", "STATE", "PRICE", "AGE", "TYPE", "RUN", "PROJECT", "OWNER", "NOTE")
LESS_WANTED = ("OWNER", "PROJECT", "TYPE", "RUN", "AGE")


def tags(given: list[str] | None) -> dict[str, str]:
    """What `--tag` was given, each time. Raises UsageError."""
    from runctl_core.errors import UsageError

    found = {}
    for text in given or ():
        key, equals, found[key] = text.partition("=")
        if not (key and equals):
            raise UsageError(
                f"{text!r} is no tag with its value", why="--tag takes KEY=VALUE", fix="--tag team=a"
            )
    return found


def made_before(age: str | None) -> datetime | None:
    """What `--older-than` was given, as a moment. Raises UsageError."""
    from runctl_core.cli.moments import moment

    return None if age is None else moment(age, "--older-than")


def look(session: Session, providers: Sequence[str] | None, *, offline: bool) -> Inventory:
    """What there is: asked now, or with `offline` as the books have it."""
    if not offline:
        with _Waiting(providers or session.every_provider()) as waiting:
            return session.inventory(providers or None, answered=waiting.answered)
    from attrs import evolve

    from runctl_core.inventory import known_inventory

    known = known_inventory(session.tracker)
    if not providers:
        return known
    items = tuple(item for item in known.items if item.resource.provider in providers)
    problems = {name: error for name, error in known.problems.items() if name in providers}
    return evolve(known, items=items, problems=problems)


class _Waiting:
    """Names on a terminal the providers that are waited for, as long as they are."""

    def __init__(self, names: Iterable[str]) -> None:
        self._left = list(dict.fromkeys(names))
        self._changing = threading.Lock()
        self._live = sys.stderr.isatty()

    def __enter__(self) -> _Waiting:
        self._show()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.clear()
        self._show()

    def answered(self, name: str) -> None:
        """Wait no more for this one."""
        with self._changing:
            self._left = [left for left in self._left if left != name]
            self._show()

    def _show(self) -> None:
        if not self._live:
            return
        text = output.visible(f"waiting for {', '.join(self._left)} …") if self._left else ""
        width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        sys.stderr.write(f"\r\033[K{text[: width - 1]}")
        sys.stderr.flush()


def row(item: Item, inventory: Inventory) -> tuple[str, ...]:
    """The cells of one resource."""
    resource, created = item.resource, item.created_at
    return (
        item.key,
        str(resource.state),
        output.hourly(resource.price.hourly_usd),
        output.age(inventory.taken_at - created).removesuffix(" ago") if created else "?",
        _type(item),
        resource.run_id or "",
        resource.project or "",
        resource.owner or "",
        "; ".join(_notes(item, inventory)),
    )


def _type(item: Item) -> str:
    resource = item.resource
    size = output.size(resource.size_bytes) if resource.size_bytes else ""
    kind = resource.kind if resource.kind != "machine" else ""
    gpu = f"{resource.gpu_count} x {resource.gpu}" if resource.gpu else ""
    return " ".join(filter(None, (kind, size, resource.instance_type, gpu)))


def _notes(item: Item, inventory: Inventory) -> Iterable[str]:
    if item.problem:
        yield f"! not ended: {item.problem}"
    if item.resource.protected:
        yield "protected by its tags"
    yield from (f"{m.mark}: {m.why}" if m.why else str(m.mark) for m in item.marks.values())
    if item.resource.provider in inventory.problems:
        yield f"as of {output.age(inventory.taken_at - item.last_seen)}"
    if item.resource.note:
        yield item.resource.note


def show(inventory: Inventory, *, empty: str) -> None:
    """The table. What could not be ended is red on a terminal, and has a `!` in its note everywhere."""
    items = inventory.items
    red = {number for number, item in enumerate(items) if item.problem}
    rows = (row(item, inventory) for item in items)
    output.table(COLUMNS, rows, empty=empty, less_wanted=LESS_WANTED, red=red)


def tell_problems(inventory: Inventory, at: datetime) -> None:
    """Name each provider that does not answer, and say how old its rows are."""
    for name, error in inventory.problems.items():
        why = f" ({error.why})" if error.why else ""
        last = inventory.last_answer(name)
        age = "nothing of it is known" if last is None else f"shown as of {output.age(at - last)}"
        output.note(f"{name} does not answer, {age}: {error.message.removeprefix(f'{name}: ')}{why}")
