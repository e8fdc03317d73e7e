"""`runctl resources watch`: what there is, again and again, with what changed."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, ProviderFilter
from runctl_core.cli.resources_view import (
    AllFlag,
    look,
    row,
    tell_problems,
)
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runctl_core.inventory import Inventory
    from runctl_core.inventory.changes import Changed

_COLUMNS = ("RESOURCE", "STATE", "PRICE", "AGE", "RUN", "NOTE")
_HOME_AND_CLEAR = "\033[H\033[2J"


def watch(
    interval: Annotated[float, Option(metavar="SECONDS", help="Between two looks.")] = 15.0,
    looks: Annotated[int | None, Option(metavar="NUMBER", min=1, help="End after so many looks.")] = None,
    provider: ProviderFilter = None,
    every: AllFlag = False,
    json: JsonFlag = False,
) -> None:
    """Watch what comes, goes and changes its state or price, until Ctrl-C.

    On a terminal the list is drawn anew and changes are marked. Piped, each change is one line: the
    moment, the change, the resource, before, after. A provider that does not answer loses nothing.

    Examples:
        runctl resources watch
        runctl resources watch --interval 60 --all >> changes.tsv
        runctl resources watch --looks 2 --json
    """
    from runctl_core.cli.planning import positive
    from runctl_core.errors import UsageError
    from runctl_core.inventory.documents import of_changes

    positive(interval, "--interval")
    if json and looks is None:
        raise UsageError("--json is one document, so it needs an end", fix="--looks 2")
    screen = None if json else _Screen() if output.results().isatty() else _Lines()
    seen: list[Changed] = []
    last = _follow(Session(), provider, every, interval, looks, screen, seen)
    if json:
        output.print_json(of_changes(last, seen))


def _follow(
    session: Session,
    providers: Sequence[str] | None,
    every: bool,
    interval_s: float,
    looks: int | None,
    screen: Any,
    seen: list[Changed],
) -> Inventory:
    """Look until there is nothing left to look for, and return what was there last."""
    from runctl_core.inventory.changes import carry, changes
    from runctl_core.inventory.filters import Filter, select

    def again(before: Inventory | None) -> Inventory:
        found = look(session, providers, offline=False)
        return select(found if before is None else carry(before, found), Filter(every=every))

    now = again(None)
    done = 1
    while True:
        if screen is not None:
            screen.show(now, seen)
        if done == looks:
            return now
        time.sleep(interval_s)
        before, now, done = now, again(now), done + 1
        seen += changes(before, now)


class _Screen:
    """Draws the list anew, as many rows as the terminal has; what has just changed comes first."""

    def show(self, now: Inventory, seen: Sequence[Changed]) -> None:
        """Draw it."""
        from runctl_core.inventory.changes import Change
        from runctl_core.inventory.summary import burn

        out = output.results()
        room = max(1, (os.get_terminal_size(out.fileno()).lines or 24) - 5)
        fresh = [change for change in seen if change.at == now.taken_at]
        gone = [change.item for change in fresh if change.change is Change.GONE]
        told: dict[str, list[str]] = {}
        for change in fresh:
            told.setdefault(change.item.key, []).append(_in_words(change))
        changed = [item for item in now.items if item.key in told]
        items = [*gone, *changed, *(item for item in now.items if item.key not in told)]
        rows = [_marked(row(item, now), told.get(item.key, [])) for item in items[:room]]
        red = {number for number, item in enumerate(items) if item.problem}
        out.write(_HOME_AND_CLEAR)
        output.table(_COLUMNS, rows, empty="no resources", less_wanted=("RUN",), red=red)
        out.flush()
        more = f", {len(items) - room} of them below" if len(items) > room else ""
        output.note(
            f"{output.count(len(now.items), 'resource')}, {output.per_hour(*burn(now.items).figures)}{more}"
        )
        output.note(f"at {now.taken_at.astimezone():%H:%M:%S}; Ctrl-C ends the watching")
        tell_problems(now, now.taken_at)


class _Lines:
    """Writes each change as a line, once."""

    def __init__(self) -> None:
        self._written = 0

    def show(self, now: Inventory, seen: Sequence[Changed]) -> None:
        """Write what is not written yet."""
        from runctl_core.clock import iso

        fresh = seen[self._written :]
        rows = [(iso(c.at), str(c.change), c.item.key, c.before, c.after) for c in fresh]
        if rows:
            output.table(("AT", "CHANGE", "RESOURCE", "BEFORE", "AFTER"), rows, empty="")
        self._written = len(seen)
        output.results().flush()
        tell_problems(now, now.taken_at)


def _marked(cells: tuple[str, ...], told: list[str]) -> tuple[str, ...]:
    """The cells of a row, with what changed before its note."""
    key, state, price, age, _, run, *_, note = cells
    return (key, state, price, age, run, "; ".join(filter(None, (*told, note))))


def _in_words(change: Changed) -> str:
    return f"* {change.change}, was {change.before}" if change.before else f"* {change.change}"
