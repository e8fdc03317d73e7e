"""A run's beginning: the first one from what the user asked, a later one from its books.

Everything that can be wrong is found here, before anything is made or bought.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from runctl_core.checkpoints import newest_complete
from runctl_core.clock import Clock, now
from runctl_core.errors import NotFound, Refused, StateError, UsageError
from runctl_core.models.runs import Run, RunState
from runctl_core.paths import ensure_private_dir, run_dir, state_dir
from runctl_core.secrets import read_env_file, read_secret
from runctl_core.tracking import ResourceTracker
from runctl_core.tracking.driver import Driver
from runctl_core.training.engine import Engine
from runctl_core.training.plan import Plan
from runctl_core.training.settle import settle_ends

if TYPE_CHECKING:
    from runctl_core.checkpoints.verdict import Verification


@frozen
class Resumption:
    """With what a resume begins.

    Attributes:
        checkpoint: The checkpoint to continue from; None to begin anew.
        passed_over: What was newer but not whole, each with the reason in words.
    """

    checkpoint: str | None
    passed_over: tuple[str, ...] = ()


def require_fitting_outputs(plan: Plan) -> None:
    """Raise UsageError for outputs that cannot all be brought home."""
    home = os.path.realpath(state_dir())
    names: dict[str, str] = {}
    for path in plan.outputs:
        there = os.path.realpath(os.path.join(plan.workdir, path))
        if os.path.commonpath((there, home)) == there:
            raise UsageError(
                f"the output {path} holds runctl's own state",
                why=f"it would be copied into itself, below {home}",
                fix="--output with the folder that the script writes, such as results",
            )
        twin = names.setdefault(plan.output_name(path), path)
        if twin != path:
            raise UsageError(
                f"the outputs {twin} and {path} have one name",
                why="both come home under it",
                fix="give one of them another name, or name the folder above both",
            )


def read_secrets(plan: Plan) -> dict[str, str]:
    """The values of the plan's secrets, read now. They are never stored with the run.

    Raises:
        NotFound, UsageError: A file or a variable that the plan names is not there.
    """
    values: dict[str, str] = {}
    for path in plan.env_files:
        values.update(read_env_file(path))
    for spec in plan.secrets:
        name, value = read_secret(spec)
        values[name] = value
    return values


@contextmanager
def new_run_id(tracker: ResourceTracker) -> Iterator[str]:
    """A new id, with a directory that no earlier run left, driven by this process alone.

    From its first row on, every other command sees that somebody works on the run.

    Raises:
        StateError: The directory cannot be made.
    """
    while not _reserved(run_id := tracker.new_run_id()):
        continue
    with Driver(run_id) as driver:
        driver.require()
        yield run_id


def _reserved(run_id: str) -> bool:
    path = run_dir(run_id)
    ensure_private_dir(os.path.dirname(path))
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return False  # of a run that these books do not know: its checkpoints are not ours
    except OSError as error:
        raise StateError(
            f"cannot make the directory {path}",
            why=error.strerror or str(error),
            fix=f"make room on the disk of {state_dir()}, and make it yours",
        ) from error
    return True


def add_run(
    tracker: ResourceTracker,
    plan: Plan,
    run_id: str,
    *,
    name: str,
    project: str,
    owner: str,
    script: str,
    directory: str,
    resume_from: str | None = None,
    clock: Clock = now,
) -> Run:
    """Write a planned run into the books; the caller drives it (`new_run_id`)."""
    run = Run(
        id=run_id,
        name=name,
        project=project,
        owner=owner,
        provider=plan.provider,
        script=script,
        directory=directory,
        state=RunState.PLANNED,
        created_at=clock(),
        resumed_from=resume_from,
    )
    try:
        tracker.add_run(run, plan.to_json())
    except StateError:
        shutil.rmtree(run_dir(run_id), ignore_errors=True)  # nothing half made: there is only its lock
        raise
    return run


def checkpoint_argument(path: str) -> str:
    """The absolute path of a checkpoint that the user named.

    Raises:
        NotFound: There is nothing there.
        UsageError: It is damaged, as far as headers and sizes tell.
    """
    absolute = os.path.abspath(os.path.expanduser(path))
    if not os.path.exists(absolute):
        raise NotFound(f"no checkpoint {path}", fix="runctl checkpoint list FOLDER")
    from runctl_core.checkpoints.verify import verify

    require_undamaged(verify(absolute, quick=True), path)
    return absolute


def require_undamaged(verified: Verification, path: str) -> None:
    """Raise UsageError for a checkpoint that is damaged, with the command that shows all of it."""
    damage = [f"{finding.file}: {finding.what}" for finding in verified.findings if finding.damage]
    if verified.verdict == "damaged":
        raise UsageError(
            f"the checkpoint {path} is damaged",
            why="; ".join(damage[:3]),
            fix=f"runctl checkpoint verify {path}",
        )


def choose_checkpoint(run: Run, plan: Plan) -> Resumption:
    """The newest complete checkpoint of a run, and what was passed over for it."""
    choice = newest_complete(plan.checkpoint_directory(run.id))
    passed_over = tuple(f"{c.path}: {c.problem}" for c in choice.passed_over)
    return Resumption(choice.chosen.path if choice.chosen else None, passed_over)


def extend(
    run: Run,
    plan: Plan,
    *,
    max_hours: float | None = None,
    budget_usd: Decimal | None = None,
    spent_usd: Decimal = Decimal(0),
    clock: Clock = now,
) -> Plan:
    """The plan with more time and more money, both counted from now on."""
    if max_hours is not None:
        elapsed_hours = (clock() - run.created_at).total_seconds() / 3600
        plan = evolve(plan, max_hours=elapsed_hours + max_hours)
    if budget_usd is not None:
        plan = evolve(plan, budget_usd=spent_usd + budget_usd)
    return plan


def resume(engine: Engine, run: Run, plan: Plan, secrets: Mapping[str, str], checkpoint: str | None) -> Run:
    """Start the next attempt of a run that is over.

    Raises:
        Refused: The run is not over, its deadline or budget is used up, another command resumed it
            meanwhile, or what an earlier launch made is still there.
    """
    if engine.tracker.run(run.id) != run:
        raise Refused(f"another command worked on {run.id} meanwhile", fix=f"runctl status {run.id}")
    if not run.state.over:
        raise Refused(
            f"{run.id} is {run.state}, so there is nothing to resume",
            fix=f"runctl attach {run.id}, or runctl stop {run.id} first",
        )
    _require_all_given_back(engine, run)
    engine.deadline(run, plan, run.hourly_usd)
    offers = engine.offers(plan, run)
    engine.tracker.save_plan(run.id, plan.to_json())
    run = engine.change(
        run,
        RunState.RECOVERING,
        f"from {checkpoint}" if checkpoint else "from the beginning",
        attempt=run.attempt + 1,
        resource_id=None,
        started_at=None,
        ended_at=None,
        exit_code=None,
        signal=None,
        ended_by=None,
        reason="",
        resumed_from=checkpoint,
    )
    return engine.launch(run, plan, secrets, offers)


def _require_all_given_back(engine: Engine, run: Run) -> None:
    """No attempt begins while a job of an earlier one may still run on a machine of its own."""
    settle_ends(engine, run)
    there = [t for t in engine.tracker.resources(provider=run.provider, run_id=run.id) if t.problem]
    unknown = [i for i in engine.tracker.open_intents(run.provider) if i.run_id == run.id]
    if there or unknown:
        raise Refused(
            f"what an earlier attempt of {run.id} made is not gone yet",
            why="; ".join(f"{t.resource.id}: {t.problem}" for t in there)
            or "the provider may not list it yet",
            fix=f"runctl ps settles it; then runctl resume {run.id}",
        )
