"""From a resource to a started job: the code is brought there, then the runner is told what to run.

A connection that breaks meanwhile ends no launch: bringing files goes on with what came whole, and a start
is idempotent by the job's id, so that both are simply tried again.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from runctl_core.errors import PluginError, ProviderUnavailable, StateError, UnknownOutcome
from runctl_core.models.jobs import Job
from runctl_core.models.runs import Run, RunState
from runctl_core.paths import ensure_private_dir, run_dir, write_whole
from runctl_core.retry import RetryPolicy, retry
from runctl_core.training.ready import wait_until_up

if TYPE_CHECKING:
    from runctl_core.executor import JobExecutor
    from runctl_core.models.resources import Resource
    from runctl_core.provider import TrainingProvider
    from runctl_core.sync import Selection
    from runctl_core.training.engine import Engine
    from runctl_core.training.plan import Plan

REACH = RetryPolicy(tries=100, total_s=300.0)
"""For so long a new machine may be out of reach: it may be starting still."""

CHECK_S = 1.0
"""How often it is looked, while files are on their way, whether the run is still wanted."""

START_PAUSES_S = (0.2, 1.0, 3.0, 8.0)
"""Between starts whose outcome is not known. A second start of a job that runs starts nothing."""


def begin(
    engine: Engine,
    run: Run,
    plan: Plan,
    provider: TrainingProvider,
    resource: Resource,
    secrets: Mapping[str, str],
) -> Run:
    """Bring the code to a resource where that is needed, and start the job there.

    Raises:
        CapacityError: The machine went away, or did not start in time.
        PluginError: The provider says of shared files what its executor does not.
        Refused: Its deadline or budget is used up, or another command ended it, before the job began.
        RunctlError: What the executor raised.
    """
    check = partial(engine.require_wanted, run, plan, resource.price.hourly_usd)
    resource = wait_until_up(engine, provider, resource, check=check)
    executor = provider.executor(resource)
    require_agreement(plan, provider, executor)
    workdir = plan.workdir if executor.shares_files else _bring(engine, run, plan, executor, check)
    job = _job(engine, run, plan, resource, secrets, workdir, shared=executor.shares_files)
    run = engine.change(run, RunState.SETTING_UP, deadline=job.deadline)
    _start(executor, job)
    return run


def require_agreement(plan: Plan, provider: TrainingProvider, executor: JobExecutor) -> None:
    """Raise PluginError when a provider and its executor differ, and the job's paths would mean nothing."""
    if provider.shares_files != executor.shares_files:
        raise PluginError(
            f"the provider {plan.provider} contradicts itself: do its machines share this computer's files?",
            why=f"shares_files is {provider.shares_files}, and {executor.shares_files} of its executor",
            fix="tell its author; runctl providers list names the others",
        )


def _bring(engine: Engine, run: Run, plan: Plan, executor: JobExecutor, check: Callable[[], None]) -> str:
    """Bring the project to the machine; returns the job's working directory there."""
    from runctl_core.sync import select

    if plan.code_root is None:
        raise StateError(
            f"{run.id} was planned for machines that share the files of this computer",
            why=f"those of {plan.provider} do not any more",
            fix="start it anew with runctl train",
        )
    code = select(plan.code_root, include=plan.include)
    record_code(run.id, code)
    engine.tell(engine.reporter.syncing, len(code.files), code.size_bytes)

    looked_at = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal looked_at
        engine.tell(engine.reporter.synced, done, total)
        if time.monotonic() - looked_at > CHECK_S:
            looked_at = time.monotonic()
            check()

    tree = _brought(executor, code, progress, check)
    return os.path.normpath(os.path.join(tree, os.path.relpath(plan.workdir, plan.code_root)))


def _brought(
    executor: JobExecutor,
    code: Selection,
    progress: Callable[[int, int], None],
    check: Callable[[], None],
) -> str:
    """Bring files, again and again for as long as less is missing after each time out of reach."""
    missing: int | None = None

    def seen(done: int, total: int) -> None:
        nonlocal missing
        missing = total if missing is None else min(missing, total)
        progress(done, total)

    def bring() -> str:
        check()
        return executor.sync(code, progress=seen)

    while True:
        before = missing
        try:
            return retry(bring, REACH)
        except ProviderUnavailable:
            if missing is None or (before is not None and missing >= before):
                raise


def code_path(run_id: str) -> str:
    """Where it is written which code a run's latest attempt has."""
    return os.path.join(run_dir(run_id), "code.json")


def record_code(run_id: str, code: Selection) -> None:
    """Keep the commit that goes beside the run, and what differs from it as a patch.

    Raises:
        StateError: This disk does not take it.
    """
    patch = code.diff()
    document = {
        "root": code.root,
        "commit": code.commit,
        "dirty": code.dirty,
        "files": len(code.files),
        "size_bytes": code.size_bytes,
        "include": list(code.include),
    }
    folder = ensure_private_dir(run_dir(run_id))
    try:
        write_whole(os.path.join(folder, "code.diff"), [patch])
        write_whole(code_path(run_id), [json.dumps(document, indent=2).encode() + b"\n"])
    except OSError as error:
        raise StateError(
            f"which code {run_id} has could not be written",
            why=f"{error.strerror}: {folder}",
            fix="make room there, then try again",
        ) from error


def read_commit(run_id: str) -> str | None:
    """The commit of the code that a run's latest attempt was given; None when none is known."""
    try:
        with open(code_path(run_id), encoding="utf-8") as file:
            commit = json.load(file).get("commit")
    except (OSError, ValueError):
        return None
    return commit if isinstance(commit, str) else None


def _job(
    engine: Engine,
    run: Run,
    plan: Plan,
    resource: Resource,
    secrets: Mapping[str, str],
    workdir: str,
    *,
    shared: bool,
) -> Job:
    from runctl_core.models.runs import handle_of

    deadline, is_budget = engine.deadline(run, plan, resource.price.hourly_usd)
    return Job(
        id=handle_of(run),
        command=plan.command,
        setup=plan.setup,
        workdir=workdir,
        env={**plan.env, "RUNCTL_RUN_ID": run.id},
        secrets=secrets,
        resume_from=run.resumed_from,
        checkpoint_dir=plan.checkpoint_directory(run.id) if shared else None,
        deadline=deadline,
        deadline_is_budget=is_budget,
        idle_s=plan.idle_minutes * 60,
        grace_s=plan.grace_s,
    )


def _start(executor: JobExecutor, job: Job) -> None:
    for pause_s in START_PAUSES_S:
        try:
            executor.start(job)
        except (UnknownOutcome, ProviderUnavailable):
            time.sleep(pause_s)
        else:
            return
    executor.start(job)
