"""Closing what a command left open that is gone: killed, crashed, or its terminal shut.

Every command that looks at runs settles them first. The truth is the provider's own list and the
runner's own state, never our books alone. A run that another live command drives is left to it.
"""

from __future__ import annotations

from collections.abc import Iterator

from runctl_core.errors import NotFound, ResourceNotFound, RunctlError
from runctl_core.executor import JobExecutor
from runctl_core.models.resources import Resource
from runctl_core.models.runs import Run, RunState
from runctl_core.provider import TrainingProvider
from runctl_core.tracking import TrackedResource
from runctl_core.training.calls import call
from runctl_core.training.driver import Driver
from runctl_core.training.engine import LIVE, PLANNED_LIVE, Cancelled, Engine, handle_of
from runctl_core.training.plan import Plan
from runctl_core.training.release import release


def settle(engine: Engine, *, provider: str | None = None) -> None:
    """Settle every open run, intent and unreleased resource, of one provider or of all.

    What cannot be settled now (a provider that does not answer) is noted and stays open.
    """
    for run in engine.tracker.runs(states=LIVE, provider=provider):
        settle_run(engine, run)
    for name in sorted(_with_open_ends(engine, provider)):
        _settle_open_ends(engine, name)


def settle_run(engine: Engine, run: Run) -> Run:
    """Settle one run, unless another command drives it, and return it as it is now."""
    with Driver(run.id) as driver:
        if driver.held:
            try:
                _settle_driven(engine, engine.tracker.run(run.id))
            except Cancelled:
                pass  # another command changed the run first; what it wrote is returned below
            except RunctlError as error:
                engine.reporter.note(f"{run.id} cannot be settled yet: {error.message}")
    return engine.tracker.run(run.id)


def _settle_driven(engine: Engine, run: Run) -> None:
    if run.state.over:
        return
    plan = Plan.from_json(engine.tracker.plan(run.id))
    provider = engine.open_provider(plan)
    if run.state in PLANNED_LIVE or run.resource_id is None:
        _end_launch(engine, run, plan, provider)
        return
    executor = reach(run, plan, provider)
    if executor is None:
        _lose(engine, run, "its resource is gone, and nobody saw how it ended")
        return
    try:
        status = executor.status(handle_of(run))
    except NotFound:
        _end_launch(engine, run, plan, provider)
        return
    if status.phase.over:
        engine.finish(run, plan, provider, executor, status)
    else:
        engine.note_start(run, status)


def reach(run: Run, plan: Plan, provider: TrainingProvider) -> JobExecutor | None:
    """The executor of the run's resource; None when the provider no longer has the resource."""
    if run.resource_id is None:
        return None
    resource_id = run.resource_id
    try:
        resource = call(f"{plan.provider}: get", lambda: provider.get_resource(resource_id), gives=Resource)
    except ResourceNotFound:
        return None
    return None if resource.state.gone else provider.executor(resource)


def _end_launch(engine: Engine, run: Run, plan: Plan, provider: TrainingProvider) -> None:
    reason = "the command that launched it was killed before the script started"
    settle_intents(engine, plan.provider, provider, run_id=run.id)
    engine.change(run, RunState.FAILED, reason, reason=reason, ended_at=engine.clock(), ended_by="launch")
    _release_left_behind(engine, plan.provider, provider, run.id)


def _lose(engine: Engine, run: Run, reason: str) -> None:
    if run.resource_id is not None:
        engine.tracker.mark_gone(run.provider, run.resource_id)
    engine.change(run, RunState.LOST, reason, reason=reason, ended_at=engine.clock())


def settle_intents(
    engine: Engine, name: str, provider: TrainingProvider, *, run_id: str | None = None
) -> None:
    """Settle open intents from the provider's own list: found by token, adopted; else closed.

    One that is younger than the provider's listing delay and not listed stays open.
    """
    intents = [i for i in engine.tracker.open_intents(name) if run_id in (None, i.run_id)]
    if not intents:
        return
    listed = call(f"{name}: list", lambda: list(provider.list_resources()), gives=Resource)
    by_token = {resource.token: resource for resource in listed if resource.token}
    for intent in intents:
        resource = by_token.get(intent.token)
        age_s = (engine.clock() - intent.created_at).total_seconds()
        if resource is not None:
            engine.tracker.record_resource(resource)
        elif age_s < provider.listing_delay_s:
            continue
        engine.tracker.settle_intent(intent.token, resource_id=resource.id if resource else None)


def _with_open_ends(engine: Engine, provider: str | None) -> set[str]:
    names = {intent.provider for intent in engine.tracker.open_intents(provider)}
    return names | {tracked.resource.provider for tracked in _left_behind(engine, provider)}


def _left_behind(
    engine: Engine, provider: str | None, run_id: str | None = None
) -> Iterator[TrackedResource]:
    for tracked in engine.tracker.resources(provider=provider, run_id=run_id):
        owner = tracked.resource.run_id
        if owner is not None and _is_to_go(engine, owner):
            yield tracked


def _is_to_go(engine: Engine, run_id: str) -> bool:
    try:
        over = engine.tracker.run(run_id).state.over
        return over and Plan.from_json(engine.tracker.plan(run_id)).on_finish == "terminate"
    except NotFound:
        return False  # another state directory's run: not ours to end


def _settle_open_ends(engine: Engine, name: str) -> None:
    run_ids = {intent.run_id for intent in engine.tracker.open_intents(name)}
    run_ids |= {t.resource.run_id for t in _left_behind(engine, name) if t.resource.run_id}
    for run_id in sorted(run_ids):
        with Driver(run_id) as driver:
            if driver.held:
                _settle_open_ends_of(engine, name, run_id)


def _settle_open_ends_of(engine: Engine, name: str, run_id: str) -> None:
    try:
        provider = engine.open_provider(Plan.from_json(engine.tracker.plan(run_id)))
        settle_intents(engine, name, provider, run_id=run_id)
        _release_left_behind(engine, name, provider, run_id)
    except RunctlError as error:
        engine.reporter.note(f"{name}: not settled yet: {error.message}")


def _release_left_behind(engine: Engine, name: str, provider: TrainingProvider, run_id: str) -> None:
    for tracked in list(_left_behind(engine, name, run_id)):
        release(engine.tracker, provider, name, tracked.resource.id)
