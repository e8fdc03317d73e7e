"""`runctl resume`: a run goes on from its newest complete checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Option

from runctl_core.cli.options import JsonFlag, RunArgument
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from runctl_core.cli.reporter import TerminalReporter
    from runctl_core.models.runs import Run
    from runctl_core.training.plan import Plan


def resume(
    run: RunArgument,
    checkpoint: Annotated[
        str | None, Option("--from", metavar="CHECKPOINT", help="This one, not the newest whole one.")
    ] = None,
    fresh: Annotated[bool, Option("--fresh", help="Begin anew, without a checkpoint.")] = False,
    max_hours: Annotated[float | None, Option(help="Hours more, from now.")] = None,
    budget: Annotated[str | None, Option(metavar="USD", help="Dollars more, from now.")] = None,
    idle_minutes: Annotated[float | None, Option(help="A new idle rule; 0 for none.")] = None,
    detach: Annotated[bool, Option("--detach", "-d", help="Start it and return.")] = False,
    json: JsonFlag = False,
) -> None:
    """Start a run again from its newest complete checkpoint.

    A newest checkpoint that is not whole is passed over for the one before, and said.

    Examples:
        runctl resume brave-otter-41
        runctl resume brave-otter-41 --max-hours 4
    """
    from attrs import evolve

    from runctl_core.cli.follow import see_it_through
    from runctl_core.cli.planning import money, positive, require_capabilities
    from runctl_core.cli.reporter import TerminalReporter
    from runctl_core.core_settings import CoreSettings
    from runctl_core.settings import convert
    from runctl_core.tracking.driver import Driver
    from runctl_core.training import start

    reporter = TerminalReporter(output_to_stderr=json)
    session = Session(None, reporter)
    found = session.settled_run(run)
    spent = session.tracker.cost_of_run(found.id).usd
    plan = start.extend(
        found,
        session.plan(found),
        max_hours=positive(max_hours, "--max-hours"),
        budget_usd=money(budget, "--budget"),
        spent_usd=spent,
    )
    require_capabilities(plan.provider, plan.request)
    if idle_minutes is not None:
        fitting = convert(CoreSettings, "idle_minutes", idle_minutes, "--idle-minutes")
        plan = evolve(plan, idle_minutes=fitting)
    path = _resume_point(reporter, found, plan, checkpoint, fresh)
    secrets = start.read_secrets(plan)
    with Driver(found.id) as driver:
        driver.require()
        resumed = start.resume(session.engine, found, plan, secrets, path)
    see_it_through(session, reporter, resumed, detach=detach, json=json)


def _resume_point(
    reporter: TerminalReporter, run: Run, plan: Plan, checkpoint: str | None, fresh: bool
) -> str | None:
    from runctl_core.training import start

    if checkpoint:
        return start.checkpoint_argument(checkpoint)
    if fresh:
        return None
    choice = start.choose_checkpoint(run, plan)
    for passed_over in choice.passed_over:
        reporter.note(f"passed over, not whole: {passed_over}")
    reporter.note(
        f"resumes from {choice.checkpoint}" if choice.checkpoint else "no complete checkpoint: it begins anew"
    )
    return choice.checkpoint
