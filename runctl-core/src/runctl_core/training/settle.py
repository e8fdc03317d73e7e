"""Closing what a command left open that is gone: killed, crashed, or its terminal shut.

Every command that looks at runs settles them first. The truth is the provider's own list and the
runner's own state, never our books alone. A run that another live command drives is left to it.
"""

from __future__ import annotations

from contextlib import suppress

from attrs import evolve

from runctl_core.errors import NotFound, ResourceNotFound, RunctlError, StateError
from runctl_core.executor import JobExecutor
from runctl_core.models.jobs import EndedBy, JobStatus
from runctl_core.models.resources import Resource
from runctl_core.models.runs import Run, RunState, handle_of
from runctl_core.provider import TrainingProvider
from runctl_core.runner.job_directory import GIVEN_BACK
from runctl_core.shown import look_at, status_of
from runctl_core.tracking.driver import Driver
from runctl_core.tracking.resources import TrackedResource
from runctl_core.training.engine import LIVE, PLANNED_LIVE, Cancelled, Engine
from runctl_core.training.intents import give_back, settle_intents
from runctl_core.training.plan import Plan

_LOOK_S = 5.0
"""How long a command that only looks waits for a resource to go; the next one looks again."""

_KILLED = "the command that launched it was killed before the script started"

_BEGAN_TOO_LATE = "its machine was given back while it was being launched"

_NO_TRACE = "its machine has no trace of its job any more, and nobody saw how it ended"


def settle(engine: Engine, *, provider: str | None = None) -> None:
    """Settle every open run, intent and unreleased resource, of one provider or of all.

    What cannot be settled now (a provider that does not answer) is noted and stays open.
    """
    for run in engine.tracker.runs(states=LIVE, providers=None if provider is None else [provider]):
        settle_run(engine, run)
    for run_id in sorted(_with_open_ends(engine, provider)):
        _settle_open_ends(engine, run_id)


def settle_at_once(engine: Engine, *, timeout_s: float) -> None:
    """Settle what is open at each provider, all at once; one that hangs is left after `timeout_s`."""
    from runctl_core.cleanup.lanes import in_lanes

    def one(name: str) -> None:
        try:
            settle(engine, provider=name)
        except RunctlError as error:
            _note(engine, f"what is open at {name} cannot be settled yet", error)

    names = {run.provider for run in engine.tracker.runs(states=LIVE)} | {*engine.tracker.providers()}
    names |= {intent.provider for intent in engine.tracker.open_intents()}
    in_lanes({name: [name] for name in names}, one, timeout_s=timeout_s)


def settle_run(engine: Engine, run: Run) -> Run:
    """Settle one run if it can be settled now, and return it as it is; what is in the way is noted."""
    try:
        return bring_on(engine, run)
    except RunctlError as error:
        _note(engine, f"{run.id} cannot be settled yet", error)
    return engine.tracker.run(run.id)


def bring_on(engine: Engine, run: Run) -> Run:
    """Write what became of a run and of its resources, and return it as it is now.

    A run that another command drives is left to it.

    Raises:
        StateError: This disk does not take its results; the resource is kept, with all of them.
        RunctlError: The provider's.
    """
    with Driver(run.id) as driver:
        if driver.held:
            with suppress(Cancelled):  # another command was first; what it wrote is returned below
                _settle_driven(engine, engine.tracker.run(run.id))
    return engine.tracker.run(run.id)


def _note(engine: Engine, what: str, error: RunctlError) -> None:
    why = f"\n  why: {error.why}" if error.why else ""
    fix = f"\n  fix: {error.fix}" if error.fix else ""
    engine.tell(engine.reporter.note, f"{what}: {error.message}{why}{fix}")


def _settle_driven(engine: Engine, run: Run) -> None:
    if run.state.over:
        settle_ends(engine, run)
        return
    plan = Plan.from_json(engine.tracker.plan(run.id))
    provider = engine.open_provider(plan)
    if run.state in PLANNED_LIVE or run.resource_id is None:
        _end_launch(engine, run, provider, _KILLED)
        return
    executor = reach(run, plan, provider)
    if executor is None:
        tracked = engine.tracker.resource(run.provider, run.resource_id)
        if tracked is None or not _is_young(engine, tracked, provider):
            _lose(engine, run, "its resource is gone, and nobody saw how it ended")
        return
    try:
        status = status_of(executor, handle_of(run))
    except NotFound:
        if run.state is RunState.SETTING_UP:
            _end_launch(engine, run, provider, _KILLED)
        else:
            lost = engine.change(run, RunState.LOST, _NO_TRACE, reason=_NO_TRACE, ended_at=engine.clock())
            settle_ends(engine, lost)
        return
    with suppress(StateError):  # a full disk: then the cost is more of an estimate, and no less right
        engine.tracker.touch_resource(run.provider, run.resource_id)
    if run.state is RunState.SETTING_UP and _was_given_back(status):
        # It began while a command that is dead, too, gave its machine back: nobody stopped it.
        _end_launch(engine, run, provider, _BEGAN_TOO_LATE)
    elif status.phase.over:
        engine.finish(run, plan, provider, executor, status)
    else:
        engine.note_start(run, status)


def _was_given_back(status: JobStatus) -> bool:
    ended = status.phase.over and status.ended_by is EndedBy.CANCEL
    return ended and status.message.startswith(GIVEN_BACK)


def reach(run: Run, plan: Plan, provider: TrainingProvider) -> JobExecutor | None:
    """The executor of the run's resource; None when the provider does not have the resource."""
    if run.resource_id is None:
        return None
    try:
        resource = look_at(provider, plan.provider, run.resource_id)
    except ResourceNotFound:
        return None
    return None if resource.state.gone else provider.executor(resource)


def _is_young(engine: Engine, tracked: TrackedResource, provider: TrainingProvider) -> bool:
    """Whether the provider may not show a resource yet."""
    return (engine.clock() - tracked.first_seen).total_seconds() < provider.listing_delay_s


def _end_launch(engine: Engine, run: Run, provider: TrainingProvider, reason: str) -> None:
    """Close a run whose launching command is dead, after giving back what it had made."""
    at = engine.clock()
    settle_intents(engine.tracker, provider, run, at=at)
    give_back(engine.tracker, provider, run, patience_s=_LOOK_S)
    engine.change(run, RunState.FAILED, reason, reason=reason, ended_at=at, ended_by="launch")


def _lose(engine: Engine, run: Run, reason: str) -> None:
    if run.resource_id is not None:
        engine.tracker.mark_gone(run.provider, run.resource_id)
    engine.change(run, RunState.LOST, reason, reason=reason, ended_at=engine.clock())


def _with_open_ends(engine: Engine, provider: str | None) -> set[str]:
    """The runs with an open intent, and those with a resource that no live attempt needs."""
    found = {intent.run_id for intent in engine.tracker.open_intents(provider)}
    for tracked in engine.tracker.resources(provider=provider):
        owner = tracked.resource.run_id
        if owner is not None and _is_open_end(engine, owner, tracked):
            found.add(owner)
    return found


def _is_open_end(engine: Engine, run_id: str, tracked: TrackedResource) -> bool:
    try:
        return engine.tracker.run(run_id).state.over or bool(tracked.problem)
    except NotFound:
        return False  # another state directory's run: not ours to end


def _settle_open_ends(engine: Engine, run_id: str) -> None:
    try:
        with Driver(run_id) as driver:
            if driver.held:
                settle_ends(engine, engine.tracker.run(run_id))
    except RunctlError as error:
        _note(engine, f"what {run_id} made is not settled yet", error)


def settle_ends(engine: Engine, run: Run) -> None:
    """Settle the intents of a run that the caller drives, release what has to go, look at what stays.

    Raises:
        RunctlError: The provider's; the next command tries again.
    """
    from runctl_core.cleanup.release import release

    plan = Plan.from_json(engine.tracker.plan(run.id))
    provider = engine.open_provider(plan)
    settle_intents(engine.tracker, provider, run, at=engine.clock())
    for tracked in engine.tracker.resources(provider=run.provider, run_id=run.id):
        if not _must_go(run, plan, tracked):
            if run.state.over:
                _look_at(engine, provider, tracked)
            continue
        resource_id, stays = tracked.resource.id, _must_stay(engine, provider, run, tracked.resource)
        if stays:
            engine.tell(engine.reporter.note, f"{resource_id} is kept, and its price goes on: {stays}")
            continue
        why = [tracked.problem or f"{run.id} is over: {run.state}"]
        problem = release(engine.tracker, provider, run.provider, resource_id, why=why, patience_s=_LOOK_S)
        if problem:
            engine.tell(engine.reporter.note, f"{resource_id} could not be released yet: {problem}")


def _must_go(run: Run, plan: Plan, tracked: TrackedResource) -> bool:
    """Whether nobody needs a resource of a run: what a live attempt runs on is needed, whatever failed."""
    if not run.state.over and tracked.resource.id == run.resource_id:
        return False
    return bool(tracked.problem) or (run.state.over and plan.on_finish == "terminate")


def _must_stay(engine: Engine, provider: TrainingProvider, run: Run, resource: Resource) -> str:
    """Why a resource must not go though its run does not need it; empty for no reason."""
    from runctl_core.cleanup.facts import job_seen
    from runctl_core.cleanup.rules import JobSeen, attempt_of, is_collected

    if protected := engine.protections(resource):
        return "; ".join(protected)
    if is_collected(run, engine.tracker.changes(run.id), attempt_of(resource, run)):
        return ""
    if job_seen(lambda: provider.executor(resource), resource, timeout_s=_LOOK_S) is JobSeen.NONE:
        return ""
    return f"the results of {run.id} may be there alone"


def _look_at(engine: Engine, provider: TrainingProvider, tracked: TrackedResource) -> None:
    """Bring the books of a kept resource up to date: it may have ended itself, or cost more by now."""
    kept = tracked.resource
    try:
        seen = look_at(provider, kept.provider, kept.id)
    except ResourceNotFound:
        if not _is_young(engine, tracked, provider):
            engine.tracker.mark_gone(kept.provider, kept.id)
        return
    engine.tracker.record_resource(seen if seen.price.known else evolve(seen, price=kept.price))
