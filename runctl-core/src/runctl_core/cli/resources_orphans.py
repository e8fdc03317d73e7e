"""`runctl orphans`: what bills and no run of ours explains, for cron and CI too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer import Exit

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, ProviderFilter
from runctl_core.cli.resources_view import OfflineFlag, look, row, tell_problems
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from runctl_core.inventory import Inventory, Item
    from runctl_core.inventory.orphans import Orphan

FOUND = 3
"""The exit status when there is an orphan."""


def orphans(provider: ProviderFilter = None, offline: OfflineFlag = False, json: JsonFlag = False) -> None:
    """List what bills and no run of these books explains, whoever made it.

    An unknown price counts as one. What you ignored or adopted is left out, and so is what a live run
    uses or a run's plan keeps. What other commands left open is settled first, as `ps` does.

    Examples:
        runctl orphans
        runctl orphans --json
    """
    from runctl_core.clock import now
    from runctl_core.inventory.documents import of_orphan, of_problems
    from runctl_core.inventory.orphans import kept_runs
    from runctl_core.inventory.orphans import orphans as find_orphans

    session = Session()
    if not offline:
        session.settle_at_once()
    found = look(session, provider, offline=offline)
    lost = find_orphans(found, kept_runs(session.tracker, found))
    if json:
        rows = [of_orphan(orphan) for orphan in lost]
        output.print_json({"taken_at": found.taken_at, "orphans": rows, "unanswered": of_problems(found)})
    else:
        _show(lost, found, session.owner)
    tell_problems(found, now())
    if lost:
        raise Exit(FOUND)
    _require_certain(found)


def _show(lost: list[Orphan], found: Inventory, owner: str) -> None:
    from runctl_core.inventory.summary import burn

    rows = []
    for orphan in lost:
        key, _, price, age, *_ = row(orphan.item, found)
        rows.append((key, price, age, orphan.reason))
    red = {number for number, orphan in enumerate(lost) if orphan.item.problem}
    output.table(("RESOURCE", "PRICE", "AGE", "WHY"), rows, empty="no orphans", red=red)
    if lost:
        output.note(
            f"{output.count(len(lost), 'orphan')}, {output.per_hour(*burn(o.item for o in lost).figures)}"
        )
        output.notes(_next(lost[0].item, owner))


def _next(item: Item, owner: str) -> list[tuple[str, str]]:
    """What can be done about the dearest."""
    from runctl_core.inventory.insights import ending

    adopt = f"runctl adopt {item.word}"
    end = ending(item, owner)
    rows = [("end it", end)] if end and end != adopt else []
    return [*rows, ("it is mine", adopt), ("report it no more", f"runctl ignore {item.word}")]


def _require_certain(found: Inventory) -> None:
    """Raise when a provider that does not answer may have what was looked for."""
    from runctl_core.errors import ProviderUnavailable

    if found.problems:
        raise ProviderUnavailable(
            "it is not certain that there are no orphans",
            why=f"no answer: {', '.join(found.problems)}",
            fix="runctl doctor, then runctl orphans again",
        )
