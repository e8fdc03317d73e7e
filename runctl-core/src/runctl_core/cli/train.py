"""`runctl train`: the whole road from a script to its result."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from runctl_core.models.runs import Run
    from runctl_core.training.plan import Plan

_WHERE = "Where it runs"
_LIMITS = "How it ends"
_FILES = "What goes in and comes out"


def train(
    script: Annotated[str, Argument(metavar="SCRIPT", help="A Python script or any executable.")],
    args: Annotated[
        list[str] | None, Argument(metavar="[-- ARGS]", help="Given to the script as they are.")
    ] = None,
    provider: Annotated[
        str | None, Option(help="Which provider trains it, or `any`.", rich_help_panel=_WHERE)
    ] = None,
    gpu: Annotated[
        str | None,
        Option(metavar="NAME[:COUNT]", help="A GPU, as `H100` or `H100:2`.", rich_help_panel=_WHERE),
    ] = None,
    instance_type: Annotated[
        str | None, Option(help="The provider's own name of a machine type.", rich_help_panel=_WHERE)
    ] = None,
    spot: Annotated[
        bool, Option("--spot", help="A machine that may be taken away, for less.", rich_help_panel=_WHERE)
    ] = False,
    region: Annotated[str | None, Option(help="A region of the provider.", rich_help_panel=_WHERE)] = None,
    max_price: Annotated[
        str | None, Option(metavar="USD", help="Highest price per hour.", rich_help_panel=_WHERE)
    ] = None,
    python: Annotated[
        str | None,
        Option(
            metavar="PROGRAM", help="Run the script with this interpreter as it is.", rich_help_panel=_WHERE
        ),
    ] = None,
    max_hours: Annotated[
        float | None,
        Option(help="End the run this long after its start, attempts included.", rich_help_panel=_LIMITS),
    ] = None,
    budget: Annotated[
        str | None, Option(metavar="USD", help="End the run before it costs more.", rich_help_panel=_LIMITS)
    ] = None,
    idle_minutes: Annotated[
        float | None,
        Option(help="End it after this long without output, checkpoint or work.", rich_help_panel=_LIMITS),
    ] = None,
    grace_seconds: Annotated[
        float | None, Option(help="Time between SIGTERM and SIGKILL.", rich_help_panel=_LIMITS)
    ] = None,
    on_finish: Annotated[
        str | None,
        Option(metavar="terminate|keep", help="What becomes of the machine.", rich_help_panel=_LIMITS),
    ] = None,
    include: Annotated[
        list[str] | None,
        Option(metavar="PATH", help="Goes to the machine although it is ignored.", rich_help_panel=_FILES),
    ] = None,
    env: Annotated[
        list[str] | None,
        Option(metavar="NAME=VALUE", help="A variable for the script.", rich_help_panel=_FILES),
    ] = None,
    env_file: Annotated[
        list[str] | None,
        Option(metavar="FILE", help="Variables from a file, kept secret.", rich_help_panel=_FILES),
    ] = None,
    secret: Annotated[
        list[str] | None,
        Option(
            metavar="NAME[=@FILE]",
            help="A secret variable, from this environment or a file.",
            rich_help_panel=_FILES,
        ),
    ] = None,
    output: Annotated[
        list[str] | None,
        Option(
            metavar="PATH", help="A file or folder that the script makes; collected.", rich_help_panel=_FILES
        ),
    ] = None,
    checkpoint_dir: Annotated[
        str | None, Option(metavar="FOLDER", help="Where checkpoints go.", rich_help_panel=_FILES)
    ] = None,
    resume: Annotated[
        str | None,
        Option(metavar="CHECKPOINT", help="Continue from this checkpoint.", rich_help_panel=_FILES),
    ] = None,
    name: Annotated[str | None, Option(help="A name for lists; the script's by default.")] = None,
    project: Annotated[str | None, Option(help="For filters and cost; the folder's name by default.")] = None,
    detach: Annotated[bool, Option("--detach", "-d", help="Start it and return.")] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Show what would happen, and do nothing.")] = False,
    json: JsonFlag = False,
    provider_flags: dict[str, Any] | None = None,
) -> None:
    """Train a script on the cheapest machine that fits, and bring its results home.

    The script goes on when this terminal closes. Ctrl-C detaches.

    Examples:
        runctl train train.py
        runctl train train.py --gpu H100:2 --max-hours 8 -- --epochs 20
        runctl train train.py --output results --env-file .env --detach
    """
    from runctl_core.cli.follow import see_it_through
    from runctl_core.cli.planning import choose_provider, make_plan, money, resource_request, show_plan
    from runctl_core.cli.reporter import TerminalReporter
    from runctl_core.training.place import place_of
    from runctl_core.training.script import detect, require_file

    flags = {
        "provider": provider,
        "project": project,
        "max_hours": max_hours,
        "budget": money(budget, "--budget"),
        "max_price": money(max_price, "--max-price"),
        "idle_minutes": idle_minutes,
        "grace_seconds": grace_seconds,
        "on_finish": on_finish,
        "checkpoint_dir": checkpoint_dir,
        "output": output,
        "include": include,
    }
    reporter = TerminalReporter(output_to_stderr=json)
    session = Session(flags, reporter)
    require_file(script)
    request = resource_request(gpu, instance_type, spot, region, session.settings.max_price)
    chosen = choose_provider(session, request)
    place = place_of(script, shares_files=session.provider(chosen, provider_flags).shares_files)
    launch = detect(script, args or (), python=python, place=place)
    plan = make_plan(
        session, chosen, launch, place, request, env or [], env_file, secret or [], provider_flags
    )
    reporter.detected(os.path.basename(script), launch)
    if dry_run:
        show_plan(session, plan, json)
        return
    run = _start(session, plan, script, name or os.path.basename(script), resume)
    see_it_through(session, reporter, run, detach=detach, json=json)


def _start(session: Session, plan: Plan, script: str, name: str, resume: str | None) -> Run:
    from runctl_core.errors import RunctlError, UsageError
    from runctl_core.paths import require_text
    from runctl_core.training import start

    if plan.on_finish not in ("terminate", "keep"):
        raise UsageError(f"--on-finish {plan.on_finish} is unknown", fix="--on-finish keep")
    require_text(plan.workdir)
    start.require_fitting_outputs(plan)
    secrets = start.read_secrets(plan)
    checkpoint = start.checkpoint_argument(resume) if resume else None
    session.settle(provider=plan.provider)
    offers = session.engine.offers(plan)
    with start.new_run_id(session.tracker) as run_id:
        run = start.add_run(
            session.tracker,
            plan,
            run_id,
            name=name,
            project=session.settings.project or os.path.basename(os.getcwd()) or "root",
            owner=session.owner,
            script=script,
            directory=os.getcwd(),
            resume_from=checkpoint,
        )
        try:
            return session.engine.launch(run, plan, secrets, offers)
        except (RunctlError, KeyboardInterrupt):
            output.note(f"{run.id} did not start")
            raise
