"""`runctl resources cleanup`: what no live run needs is deleted, and nothing else."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, ProviderFilter, YesFlag
from runctl_core.cli.outcomes import Outcome, show
from runctl_core.cli.resources_view import (
    AgeFilter,
    ProjectFilter,
    TagFilter,
    look,
    made_before,
    tags,
)
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from runctl_core.cleanup import Cleaned, Plan, Skipped
    from runctl_core.errors import RunctlError
    from runctl_core.inventory import Inventory, Item


def cleanup(
    resources: Annotated[
        list[str] | None, Argument(metavar="[RESOURCE]...", help="Only these: PROVIDER/ID, an id or a name.")
    ] = None,
    provider: ProviderFilter = None,
    owner: Annotated[str | None, Option(help="Whose; mine by default.")] = None,
    project: ProjectFilter = None,
    tag: TagFilter = None,
    older_than: AgeFilter = None,
    orphans: Annotated[bool, Option("--orphans", help="Only what `runctl orphans` lists.")] = False,
    force: Annotated[bool, Option("--force", help="Also what is young, or another owner's.")] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Show the plan, and delete nothing.")] = False,
    yes: YesFlag = False,
    json: JsonFlag = False,
) -> None:
    """Delete what no live run needs.

    The plan is shown and has to be confirmed; where nobody can be asked it is only shown, unless --yes
    is given. Nothing is deleted that is protected or busy, or has results that are not home.

    Examples:
        runctl resources cleanup --dry-run
        runctl resources cleanup --older-than 7d --yes
        runctl resources cleanup mycloud/i-42 --force
    """
    from runctl_core.cleanup import Mode, meant
    from runctl_core.errors import UsageError
    from runctl_core.inventory.filters import Filter

    if resources and (owner or project or tag or older_than or orphans):
        raise UsageError("filters choose among all resources", fix="name resources, or give filters")
    wanted = Filter(project=project, tags=tags(tag), made_before=made_before(older_than))
    session = Session()
    only_shown = dry_run or not (yes or sys.stdin.isatty())
    if not only_shown:
        session.settle_at_once()
    inventory = look(session, provider, offline=False)
    _note_unanswered(inventory.problems)
    whose = owner or session.owner
    items = (
        _named(inventory, resources)
        if resources
        else meant(session.tracker, inventory, wanted, whose, only_orphans=orphans)
    )
    plan = session.safety.plan(items, inventory.problems, mode=Mode.FORCED if force else Mode.CLEANUP)
    if only_shown or not plan.steps:
        _show_plan(session, plan, json=json)
        if not dry_run and plan.steps:
            output.note("nothing was deleted: nobody can be asked here; --yes carries it out")
        return
    if not yes:
        _ask(plan)
    _carry_out(session, plan, json=json)


def _note_unanswered(problems: Mapping[str, RunctlError]) -> None:
    """Say which providers did not answer."""
    for name, error in problems.items():
        output.note(f"{name} does not answer, so nothing of it is touched: {error.summary}")


def _named(inventory: Inventory, refs: Iterable[str]) -> list[Item]:
    from runctl_core.inventory import find

    return list({item.key: item for item in (find(inventory, ref) for ref in refs)}.values())


def _show_plan(session: Session, plan: Plan, *, json: bool) -> None:
    if json:
        from runctl_core.cleanup.documents import of_cleanup

        output.print_json(of_cleanup(plan, None, session.known_inventory()))
        return
    rows = [_outcome("would be deleted", step.item, step.why) for step in plan.steps]
    show([*rows, *map(_left_alone, plan.skipped)], empty="there is nothing to delete")
    if plan.steps:
        output.note(f"{output.count(len(plan.steps), 'resource')} would be deleted{_saving(plan)}")


def _ask(plan: Plan) -> None:
    """Show what goes and what stays beside the question, and ask."""
    output.note("to be deleted:")
    output.notes([(step.item.key, f"{_costs(step.item)}; {'; '.join(step.why)}") for step in plan.steps])
    if plan.skipped:
        output.note("left alone:")
        output.notes([(skipped.item.key, skipped.in_words) for skipped in plan.skipped])
    question = f"delete {output.count(len(plan.steps), 'resource')}{_saving(plan)}?"
    output.confirm(question, yes=False)


@contextmanager
def told_when_stopped() -> Iterator[None]:
    """Say on Ctrl-C what became of what was begun."""
    try:
        yield
    except KeyboardInterrupt:
        output.note("\nstopped; what was begun may go on, as runctl audit shows; the same command settles it")
        raise


def _carry_out(session: Session, plan: Plan, *, json: bool) -> None:
    from runctl_core.cleanup.documents import of_cleanup

    with told_when_stopped(), output.Progress("deleting", len(plan.steps), "resource") as progress:
        cleaned = session.cleanup(lambda: progress.advance(1)).carry_out(plan)
    if json:
        output.print_json(of_cleanup(plan, cleaned, session.known_inventory()))
    else:
        show(outcomes(cleaned), empty="nothing was deleted")
        output.note(f"{output.count(len(cleaned.done), 'resource')} deleted")
    _require_all(cleaned)


def outcomes(cleaned: Cleaned) -> list[Outcome]:
    """What became of each resource, those that failed first."""
    from runctl_core.tracking.audit import Act

    words = {Act.TERMINATE: "deleted", Act.STOP: "stopped"}
    rows = [_outcome("failed", failure.item, (failure.why,)) for failure in cleaned.failed]
    rows += [_outcome(words[step.act], step.item, step.why) for step in cleaned.done]
    return [*rows, *map(_left_alone, cleaned.skipped)]


def _require_all(cleaned: Cleaned) -> None:
    """Raise LeftBehind when something that was to go is still there."""
    from runctl_core.errors import LeftBehind

    if cleaned.failed:
        raise LeftBehind(
            f"{output.count(len(cleaned.failed), 'resource')} could not be deleted",
            why="; ".join(f"{failure.item.key}: {failure.why}" for failure in cleaned.failed[:5]),
            fix="runctl resources cleanup tries again",
        )


def _left_alone(skipped: Skipped) -> Outcome:
    return _outcome("left alone", skipped.item, [reason.detail for reason in skipped.reasons])


def _outcome(outcome: str, item: Item, reasons: Sequence[str]) -> Outcome:
    return (item.key, outcome, item.resource.name, _costs(item)), reasons


def _costs(item: Item) -> str:
    return output.hourly(item.hourly_usd)


def _saving(plan: Plan) -> str:
    from runctl_core.models.money import HOURS_A_MONTH

    saved = plan.saves
    if not saved.hourly_usd and not saved.unknown:
        return ""
    hour = output.per_hour(*saved.figures)
    month = output.cost(saved.hourly_usd * HOURS_A_MONTH, estimated_usd=saved.estimated_hourly_usd)
    return f", which saves {hour}, {month} a month"
