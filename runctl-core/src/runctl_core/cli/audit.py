"""`runctl audit`: who stopped or deleted what, why it was allowed, and what the provider answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, SinceOption
from runctl_core.cli.outcomes import Outcome, show
from runctl_core.cli.session import Session
from runctl_core.clock import iso

if TYPE_CHECKING:
    from runctl_core.tracking.audit import AuditedAct


def audit(
    since: SinceOption = None,
    resource: Annotated[
        str | None, Option(metavar="RESOURCE", help="Only this one: PROVIDER/ID, an id or a name.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Show every deletion and every stop of a resource, oldest first.

    Each is written down before the provider is asked, and never changed. One without an answer was
    interrupted: the next listing tells what became of it.

    Examples:
        runctl audit --since 7d
        runctl audit --resource mycloud/i-42 --json
    """
    from runctl_core.cli.moments import moment
    from runctl_core.tracking.audit import acts

    log = Session().tracker.audit
    found = acts(log.rows(since=moment(since, "--since") if since else None, resource=resource))
    if json:
        from runctl_core.training.documents import of_act

        output.print_json([of_act(act) for act in found])
        return
    show(map(_outcome, found), empty="nothing was stopped or deleted")


def _outcome(act: AuditedAct) -> Outcome:
    before, after = act.before, act.after
    detail = f": {after.detail}" if after and after.detail else ""
    answer = f"{after.answer}{detail}" if after else "no answer known"
    cells = (iso(before.at), f"{before.provider}/{before.resource_id}", str(before.act))
    return cells, (answer, f"by {before.actor.user}, {before.actor.command}", *before.why)
