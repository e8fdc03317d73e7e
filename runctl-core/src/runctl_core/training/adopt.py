"""Adopting a resource: it counts as the user's, with the run that it was made for where that answers.

The books of another state directory, or books that were lost, may have made it. Its job is known to
the resource itself, by the handle in its token. Whatever that job's plan was, the machine is kept at
the end: nothing that was adopted is let go of without being asked.
"""

from __future__ import annotations

import os
from datetime import datetime

from attrs import frozen

from runctl_core.calls import call
from runctl_core.errors import NotFound, ResourceNotFound, RunctlError
from runctl_core.executor import JobExecutor
from runctl_core.inventory import Item
from runctl_core.models.jobs import JobStatus
from runctl_core.models.marks import Mark
from runctl_core.models.resources import Resource
from runctl_core.models.runs import Run, RunState
from runctl_core.provider import TrainingProvider
from runctl_core.shown import look_at
from runctl_core.tracking.driver import Driver
from runctl_core.tracking.names import is_run_id
from runctl_core.training.engine import Engine
from runctl_core.training.plan import Plan

_UNKNOWN = "(adopted)"
"""What stands for the script: its name was in the books that made the run."""


@frozen
class Adopted:
    """What came into the books beside the resource.

    Attributes:
        run: Its run; None when it has none, or its job cannot be reached.
        why: Why the run that it was made for is not in the books; empty when it is, or there is none.
    """

    run: Run | None
    why: str = ""


def adopt(engine: Engine, provider: TrainingProvider, item: Item, *, why: str, by: str) -> Adopted:
    """Count a resource as the user's, from the time when it was made.

    Args:
        engine: Its tracker gets the resource and its run.
        provider: The resource's.
        item: The resource.
        why: The user's reason; may be empty.
        by: Who adopts it; the run's owner when its tags name none.

    Raises:
        ResourceNotFound: The provider does not have it any more.
        StateError: The books cannot be written.
    """
    resource = _as_it_is(provider, item.resource)
    engine.tracker.marks.set(resource.provider, resource.id, Mark.ADOPTED, why=why, by=by)
    engine.tracker.record_adopted(resource)
    if item.run is not None or resource.run_id is None:
        return Adopted(item.run)
    try:
        return Adopted(_bring_in(engine, provider, resource, by))
    except RunctlError as error:
        return Adopted(None, error.message)


def _as_it_is(provider: TrainingProvider, known: Resource) -> Resource:
    """The resource as its provider shows it; as it was last known while the provider does not answer."""
    try:
        return look_at(provider, known.provider, known.id)
    except ResourceNotFound:
        raise
    except RunctlError:
        return known


def _bring_in(engine: Engine, provider: TrainingProvider, resource: Resource, by: str) -> Run:
    """Write the run of a resource that answers for its job. Raises RunctlError when it does not."""
    handle = (resource.token or "").rpartition("-")[0]
    run_id, _, attempt = handle.rpartition("-")
    if run_id != resource.run_id or not attempt.isdecimal() or not is_run_id(run_id):
        raise NotFound(f"its tags do not say which job of {resource.run_id!r:.80} it has")
    executor = call(f"{resource.provider}: executor", lambda: provider.executor(resource), gives=JobExecutor)
    status = call(f"{resource.id}: status", lambda: executor.status(handle), gives=JobStatus)
    run = _run(resource, run_id, int(attempt), status, by, engine.clock())
    plan = Plan(
        provider=resource.provider,
        command=(),
        workdir=run.directory,
        checkpoint_dir=status.checkpoint_dir if executor.shares_files else None,
        on_finish="keep",
    )
    with Driver(run_id) as driver:
        driver.require()
        engine.tracker.add_run(run, plan.to_json())
    return run


def _run(resource: Resource, run_id: str, attempt: int, status: JobStatus, by: str, at: datetime) -> Run:
    began = status.running_at is not None or status.phase.over
    return Run(
        id=run_id,
        name=resource.name,
        project=resource.project or _UNKNOWN,
        owner=resource.owner or by,
        provider=resource.provider,
        script=_UNKNOWN,
        directory=os.getcwd(),
        state=RunState.RUNNING if began else RunState.SETTING_UP,
        created_at=resource.created_at or status.started_at or at,
        attempt=attempt,
        resource_id=resource.id,
        started_at=status.running_at,
        deadline=resource.expires_at,
        hourly_usd=resource.price.hourly_usd,
    )
