"""`runctl orphans`: what bills and no run of ours explains, for cron and CI too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer import Exit

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag
from runctl_core.cli.resources_view import OfflineFlag, ProviderFilter, look, per_hour, row, tell_problems
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runctl_core.inventory import Inventory
    from runctl_core.inventory.orphans import Orphan

FOUND = 3
"""The exit status when there is an orphan."""


def orphans(provider: ProviderFilter = None, offline: OfflineFlag = False, json: JsonFlag = False) -> None:
    """List what bills and no run of these books explains, whoever made it.

    An unknown price counts as one. What you ignored or adopted is left out, and so is what a live run
    uses or a run's plan keeps.

    Examples:
        runctl orphans
        runctl orphans --json
    """
    from runctl_core.clock import now
    from runctl_core.inventory.documents import of_orphan, of_problems
    from runctl_core.inventory.orphans import kept_runs
    from runctl_core.inventory.orphans import orphans as find_orphans

    session = Session()
    found = look(session, provider, offline=offline)
    lost = find_orphans(found, kept_runs(session.tracker, found))
    if json:
        rows = [of_orphan(orphan) for orphan in lost]
        output.print_json({"taken_at": found.taken_at, "orphans": rows, "unanswered": of_problems(found)})
    else:
        _show(lost, found)
    tell_problems(found, now())
    if lost:
        raise Exit(FOUND)
    _require_certain(found)


def _show(lost: list[Orphan], found: Inventory) -> None:
    from runctl_core.inventory.summary import burn

    rows = []
    for orphan in lost:
        key, state, price, age, kind, *_ = row(orphan.item, found)
        rows.append((key, state, price, age, kind, orphan.item.resource.owner or "", orphan.reason))
    columns = ("RESOURCE", "STATE", "PRICE", "AGE", "TYPE", "OWNER", "WHY")
    red = {number for number, orphan in enumerate(lost) if orphan.item.problem}
    output.table(columns, rows, empty="no orphans", less_wanted=("TYPE", "OWNER", "AGE"), red=red)
    if lost:
        output.note(f"{output.count(len(lost), 'orphan')}, {per_hour(burn(o.item for o in lost))}")
        output.notes(_next(lost))


def _next(lost: Sequence[Orphan]) -> list[tuple[str, str]]:
    """What can be done. What runctl did not make, it ends only after it was adopted."""
    ours = [orphan.item.word for orphan in lost if orphan.item.ours]
    first = lost[0].item.word
    rows = [("end it", f"runctl resources cleanup {ours[0]}")] if ours else []
    return [*rows, ("it is mine", f"runctl adopt {first}"), ("report it no more", f"runctl ignore {first}")]


def _require_certain(found: Inventory) -> None:
    """Raise when a provider that does not answer may have what was looked for."""
    from runctl_core.errors import ProviderUnavailable

    if found.problems:
        raise ProviderUnavailable(
            "it is not certain that there are no orphans",
            why=f"no answer: {', '.join(found.problems)}",
            fix="runctl doctor, then runctl orphans again",
        )
