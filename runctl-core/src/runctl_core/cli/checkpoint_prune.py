"""`runctl checkpoint prune`: keeps what is worth it, and deletes the other checkpoints."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from runctl_core import words
from runctl_core.cli import output
from runctl_core.cli.checkpoint import folder_of
from runctl_core.cli.options import JsonFlag, YesFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runctl_core.checkpoints.prune import Folder
    from runctl_core.checkpoints.retention import Plan, Rules
    from runctl_core.models.checkpoints import Checkpoint


def prune(
    place: Annotated[str, Argument(metavar="PATH|RUN", help="A folder, or a run.")],
    keep_last: Annotated[int, Option(min=0, help="Keep so many of the newest.")] = 0,
    keep_best: Annotated[int, Option(min=0, help="Keep so many of the best by --metric.")] = 0,
    metric: Annotated[str | None, Option(help="A metric of the checkpoints.")] = None,
    mode: Annotated[
        Literal["min", "max"], Option(metavar="min|max", help="Which values of the metric are better.")
    ] = "min",
    every: Annotated[
        int, Option(min=0, metavar="STEPS", help="Keep those whose step is a multiple of this.")
    ] = 0,
    dry_run: Annotated[bool, Option("--dry-run", help="Show what would happen, and do nothing.")] = False,
    yes: YesFlag = False,
    json: JsonFlag = False,
) -> None:
    """Delete the checkpoints that no rule keeps. Shows the plan first, and asks.

    Never deleted: the newest good one, whatever is newer than it, what a run that goes on resumed from,
    and what a link leads to. Off a terminal it only shows the plan, unless there is --yes.

    Examples:
        runctl checkpoint prune brave-otter-41 --keep-last 3
        runctl checkpoint prune checkpoints/ --keep-best 2 --metric val_loss
        runctl checkpoint prune checkpoints/ --every 1000 --yes
    """
    from runctl_core.checkpoints.prune import remove, settle
    from runctl_core.checkpoints.retention import Rules
    from runctl_core.errors import Unsupported

    if "://" in place:
        raise Unsupported("checkpoints in a store are not pruned", fix="prune where they were saved")
    rules = Rules(keep_last, keep_best, metric or "", mode, every)
    folder = os.path.realpath(folder_of(place))
    found = _look(folder)
    plan = _planned(found, rules)
    only_shown = dry_run or not (yes or sys.stdin.isatty())
    if not json:
        _show(plan, folder)
    if only_shown:
        removed = plan.removed
    else:
        _confirm(plan, yes=yes)
        settle(folder)
        agreed = _still(plan, _planned(_look(folder, good=found.newest_good), rules))
        removed = tuple(checkpoint for checkpoint in agreed if remove(checkpoint))
    if json:
        output.print_json(_document(plan, removed, folder, dry_run=only_shown))
        return
    _say(removed, only_shown=only_shown, asked=dry_run)


def _look(folder: str, *, good: Checkpoint | None = None) -> Folder:
    from runctl_core.checkpoints import listing
    from runctl_core.checkpoints.prune import look

    newest = listing(folder, look_into=0)[:1]
    with output.Progress("verifying the newest", sum(c.size_bytes for c in newest)) as progress:
        return look(folder, good=good, advance=progress.advance)


def _planned(found: Folder, rules: Rules) -> Plan:
    from runctl_core.checkpoints.retention import plan

    _require_sense(rules, found)
    newest_good = found.newest_good.path if found.newest_good else None
    return plan(found.checkpoints, newest_good, rules, {**found.pinned, **_in_use()})


def _in_use() -> dict[str, str]:
    """What runs that are not over resumed from, as the books have it."""
    from runctl_core.models.runs import OVER, RunState
    from runctl_core.tracking import ResourceTracker

    live = ResourceTracker().runs(states=set(RunState) - OVER)
    return {
        os.path.realpath(run.resumed_from): f"{run.id} resumed from it" for run in live if run.resumed_from
    }


def _require_sense(rules: Rules, found: Folder) -> None:
    """Raise UsageError for rules that would keep nothing by mistake."""
    from runctl_core.errors import UsageError

    if not (rules.last or rules.best or rules.every):
        raise UsageError(
            "no rule says what to keep", fix="--keep-last 3, --keep-best 2 --metric NAME, --every 1000"
        )
    if bool(rules.best) != bool(rules.metric):
        raise UsageError("--keep-best and --metric belong together", fix="--keep-best 2 --metric val_loss")
    known = {name for checkpoint in found.checkpoints for name in checkpoint.metrics}
    if rules.metric and rules.metric not in known and found.checkpoints:
        raise UsageError(
            f"no checkpoint there has a metric {rules.metric}",
            why=f"they have {', '.join(sorted(known))}" if known else "none of them has any metric",
            fix="runctl checkpoint info PATH shows the metrics of one",
        )


def _still(plan: Plan, now: Plan) -> tuple[Checkpoint, ...]:
    """What was agreed to, and what a second look would remove too: a run may have resumed meanwhile."""
    return tuple(checkpoint for checkpoint in plan.removed if checkpoint in now.removed)


def _confirm(plan: Plan, *, yes: bool) -> None:
    if plan.removed:
        count = words.count(len(plan.removed), "checkpoint")
        output.confirm(f"Delete {count} ({words.size(_bytes(plan.removed))})?", yes=yes)


def _show(plan: Plan, folder: str) -> None:
    reasons = {kept.checkpoint.path: "; ".join(kept.reasons) for kept in plan.kept}
    every = [*(kept.checkpoint for kept in plan.kept), *plan.removed]
    rows = [
        (
            os.path.relpath(checkpoint.path, folder),
            "-" if checkpoint.step is None else str(checkpoint.step),
            words.size(checkpoint.size_bytes),
            "keep" if checkpoint.path in reasons else "delete",
            reasons.get(checkpoint.path, "" if checkpoint.complete else checkpoint.problem),
        )
        for checkpoint in sorted(every, key=lambda c: c.modified_at, reverse=True)
    ]
    output.table(("CHECKPOINT", "STEP", "SIZE", "WHAT", "WHY"), rows, empty=f"no checkpoints in {folder}")


def _say(removed: Sequence[Checkpoint], *, only_shown: bool, asked: bool) -> None:
    count, size = words.count(len(removed), "checkpoint"), words.size(_bytes(removed))
    if not removed:
        output.note("there is nothing to delete")
        return
    if not only_shown:
        output.note(f"{count} deleted, {size} freed")
        return
    output.note(f"{count} would be deleted, {size} freed" + ("" if asked else "; --yes deletes them"))


def _document(plan: Plan, removed: Sequence[Checkpoint], folder: str, *, dry_run: bool) -> dict[str, object]:
    return {
        "folder": folder,
        "dry_run": dry_run,
        "freed_bytes": _bytes(removed),
        "kept": [{**_row(kept.checkpoint), "reasons": list(kept.reasons)} for kept in plan.kept],
        "removed": [_row(checkpoint) for checkpoint in removed],
    }


def _row(checkpoint: Checkpoint) -> dict[str, object]:
    return {"path": checkpoint.path, "step": checkpoint.step, "size_bytes": checkpoint.size_bytes}


def _bytes(checkpoints: Sequence[Checkpoint]) -> int:
    return sum(checkpoint.size_bytes for checkpoint in checkpoints)
