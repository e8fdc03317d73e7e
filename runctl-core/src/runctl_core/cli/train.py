"""`runctl train` and `runctl resume`: the whole road from a script to its result."""

from __future__ import annotations

import os
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from typer import Argument, Exit, Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, RunArgument
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from runctl_core.cli.progress import TerminalReporter
    from runctl_core.models.runs import Run
    from runctl_core.training.plan import Plan
    from runctl_core.training.script import Launch

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
    from runctl_core.cli.progress import TerminalReporter
    from runctl_core.training.script import detect

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
    }
    reporter = TerminalReporter(output_to_stderr=json)
    session = Session(flags, reporter)
    launch = detect(script, args or (), python=python)
    request = resource_request(gpu, instance_type, spot, region, session.settings.max_price)
    plan = _plan(session, launch, request, env or [], env_file, secret or [], provider_flags)
    reporter.note(f"{os.path.basename(script)}: {launch.chosen}")
    if dry_run:
        _show_plan(session, plan, json)
        return
    run = _start(session, plan, script, name or os.path.basename(script), resume)
    _see_it_through(session, reporter, run, detach=detach, json=json)


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

    from runctl_core.cli.progress import TerminalReporter
    from runctl_core.config import CoreSettings
    from runctl_core.settings import convert
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
    if idle_minutes is not None:
        fitting = convert(CoreSettings, "idle_minutes", idle_minutes, "--idle-minutes")
        plan = evolve(plan, idle_minutes=fitting)
    path = _resume_point(reporter, found, plan, checkpoint, fresh)
    secrets = start.read_secrets(plan)
    from runctl_core.training.driver import Driver

    with Driver(found.id) as driver:
        driver.require()
        resumed = start.resume(session.engine, found, plan, secrets, path)
    _see_it_through(session, reporter, resumed, detach=detach, json=json)


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


def _start(session: Session, plan: Plan, script: str, name: str, resume: str | None) -> Run:
    from runctl_core.errors import UsageError
    from runctl_core.paths import require_text
    from runctl_core.training import start
    from runctl_core.training.driver import Driver

    if plan.on_finish not in ("terminate", "keep"):
        raise UsageError(f"--on-finish {plan.on_finish} is unknown", fix="--on-finish keep")
    require_text(plan.workdir)
    start.require_fitting_outputs(plan)
    secrets = start.read_secrets(plan)
    checkpoint = start.checkpoint_argument(resume) if resume else None
    session.settle(provider=plan.provider)
    offers = session.engine.offers(plan)
    run = start.add_run(
        session.tracker,
        plan,
        name=name,
        project=session.settings.project or os.path.basename(os.getcwd()) or "root",
        owner=session.settings.owner or _owner(),
        script=script,
        directory=os.getcwd(),
        resume_from=checkpoint,
    )
    with Driver(run.id):
        return session.engine.launch(run, plan, secrets, offers)


def _see_it_through(
    session: Session, reporter: TerminalReporter, run: Run, *, detach: bool, json: bool
) -> None:
    try:
        _follow_to_the_end(session, run, detach=detach, json=json)
    except KeyboardInterrupt:
        reporter.detached(run)
        raise Exit(130) from None


def _follow_to_the_end(session: Session, run: Run, *, detach: bool, json: bool) -> None:
    from runctl_core.cli import progress
    from runctl_core.training.follow import Follower
    from runctl_core.training.outcome import exit_status

    if detach:
        progress.show_started(session, run, json=json)
        return
    run = Follower(session.engine, run).until_over()
    progress.show_end(session, run, json=json)
    raise Exit(exit_status(run))


def _plan(
    session: Session,
    launch: Launch,
    request: dict[str, Any],
    env: list[str],
    env_files: list[str] | None,
    secrets: list[str],
    provider_flags: dict[str, Any] | None,
) -> Plan:
    from runctl_core.training.plan import Plan

    settings = session.settings
    configured = [settings.env_file] if settings.env_file else []
    return Plan(
        provider=_provider(session, request),
        command=launch.command,
        workdir=os.getcwd(),
        kind=str(launch.kind),
        setup=launch.setup,
        provider_flags=provider_flags or {},
        request=request,
        env=dict(_variable(text) for text in env),
        env_files=[os.path.abspath(path) for path in env_files or configured],
        secrets=[_absolute_secret(spec) for spec in secrets],
        outputs=settings.output,
        checkpoint_dir=settings.checkpoint_dir and os.path.abspath(settings.checkpoint_dir),
        max_hours=settings.max_hours,
        budget_usd=settings.budget,
        idle_minutes=settings.idle_minutes,
        grace_s=settings.grace_seconds,
        on_finish=str(settings.on_finish),
    )


def _provider(session: Session, request: dict[str, Any]) -> str:
    """The provider to train on; `any` is the one whose free offer is the cheapest."""
    from runctl_core.plugins import default_provider, provider_names
    from runctl_core.training.choose import nothing_fits
    from runctl_core.training.gather import gather
    from runctl_core.training.plan import Plan

    chosen = default_provider(session.settings.provider)
    if chosen != "any":
        return chosen
    wanted = Plan(provider="any", command=(), workdir="", request=request).resource_request()
    offers, problems = gather(provider_names(), session.config, wanted, timeout_s=20.0)
    for name, error in problems.items():
        output.note(f"{name} is left out: {error.message}")
    free = [offer for offer in offers if offer.available is not False]
    if not free:
        raise nothing_fits(wanted, offers, [])
    return free[0].provider


def resource_request(
    gpu: str | None,
    instance_type: str | None,
    spot: bool,
    region: str | None,
    max_price: Decimal | None,
) -> dict[str, Any]:
    """The fields of a `ResourceRequest`, JSON-ready. Raises UsageError for a malformed GPU."""
    from runctl_core.models.resources import parse_gpu

    name, count = parse_gpu(gpu) if gpu is not None else (None, 0)
    return {
        "gpu": name,
        "gpu_count": count,
        "instance_type": instance_type,
        "spot": spot,
        "region": region,
        "max_hourly_usd": None if max_price is None else str(max_price),
    }


def _variable(text: str) -> tuple[str, str]:
    from runctl_core.errors import UsageError

    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError("--env takes NAME=VALUE", fix="--env LEARNING_RATE=0.1")
    return name, value


def _absolute_secret(spec: str) -> str:
    name, at, path = spec.partition("=@")
    return f"{name}=@{os.path.abspath(path)}" if at else spec


def money(text: str | None, option: str) -> Decimal | None:
    """The dollars that an option was given. Raises UsageError for anything that is not above zero."""
    from runctl_core.errors import UsageError

    if text is None:
        return None
    try:
        amount = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise UsageError(f"{option} takes a number of dollars, not {text!r}", fix=f"{option} 5.00")
    return positive(amount, option)


N = TypeVar("N", float, Decimal)


def positive(value: N | None, option: str) -> N | None:
    """The number that an option was given. Raises UsageError unless it is above zero and no slip."""
    from runctl_core.config import LARGEST
    from runctl_core.errors import UsageError

    if value is not None and not 0 < value <= LARGEST:
        raise UsageError(
            f"{option} takes a number above zero and not above {LARGEST}, not {value}", fix=f"{option} 2"
        )
    return value


def _owner() -> str:
    import getpass
    import socket

    return f"{getpass.getuser()}@{socket.gethostname()}"


def _show_plan(session: Session, plan: Plan, json: bool) -> None:
    from runctl_core.training import documents

    offers = session.engine.offers(plan)
    if json:
        document = plan.to_json()
        document["environment"] = document.pop("kind")
        document["budget_usd"] = documents.money(plan.budget_usd)
        output.print_json(document | {"offers": [documents.of_offer(offer) for offer in offers]})
        return
    rows = [("provider", plan.provider), ("would run", " ".join(plan.command))]
    rows += [("set-up", " ".join(program)) for program in plan.setup]
    rows += [("in", plan.workdir)]
    rows += [("on", f"{o.name}, {output.hourly(o.price.hourly_usd)}") for o in offers[:3]]
    output.pairs(rows)
