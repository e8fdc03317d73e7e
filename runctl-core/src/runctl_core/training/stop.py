"""Stopping a run, from any terminal: SIGTERM, its grace period, SIGKILL, and then its books."""

from __future__ import annotations

import time

from runctl_core.errors import NotFound, ProviderUnavailable, Refused, UnknownOutcome
from runctl_core.models.runs import Run, RunState, handle_of
from runctl_core.training.engine import PLANNED_LIVE, Engine
from runctl_core.training.plan import Plan
from runctl_core.training.settle import bring_on, reach

_CLOSING_S = 60.0
_PAUSE_S = 0.05


def stop(engine: Engine, run: Run, *, grace_s: float | None = None) -> Run:
    """Stop a run and wait until it is over.

    Raises:
        Refused: It is over already.
        ProviderUnavailable: Its machine cannot be reached, so that it was not told.
        UnknownOutcome: It was told to stop, and is not over after its grace period.
    """
    try:
        run = bring_on(engine, run)
    except ProviderUnavailable as error:
        raise _unreached(run, error) from error
    if run.state.over:
        raise Refused(f"{run.id} is over already: {run.state}", fix=f"runctl status {run.id}")
    plan = Plan.from_json(engine.tracker.plan(run.id))
    grace_s = plan.grace_s if grace_s is None else grace_s
    end, told = time.monotonic() + grace_s + _CLOSING_S, False
    while not run.state.over:
        if time.monotonic() > end:
            raise UnknownOutcome(
                f"{run.id} was told to stop and is still {run.state}",
                fix=f"runctl status {run.id}, then runctl stop {run.id} --grace-seconds 0",
            )
        # A launch may be between its last look and the start of the job: then it is told once more.
        try:
            told = told or _stopped_before_start(engine, run) or _cancelled(engine, run, plan, grace_s)
            run = bring_on(engine, run)
        except ProviderUnavailable as error:
            if not told:
                raise _unreached(run, error) from error
        except UnknownOutcome:
            pass  # it may have been told: telling it twice does no harm
        time.sleep(0 if run.state.over else _PAUSE_S)
    return run


def _unreached(run: Run, error: ProviderUnavailable) -> ProviderUnavailable:
    return ProviderUnavailable(
        f"{run.id} could not be told to stop, and its machine goes on",
        why=error.summary,
        fix=f"runctl stop {run.id} when it answers again, or end {run.resource_id} at {run.provider}",
    )


def _stopped_before_start(engine: Engine, run: Run) -> bool:
    reason = "stopped before it started"
    changed = engine.tracker.change_run(
        run.id,
        RunState.CANCELLED,
        expect=PLANNED_LIVE,
        detail=reason,
        reason=reason,
        ended_at=engine.clock(),
        ended_by="launch",
    )
    return changed is not None


def _cancelled(engine: Engine, run: Run, plan: Plan, grace_s: float) -> bool:
    run = engine.tracker.run(run.id)
    executor = reach(run, plan, engine.open_provider(plan))
    if executor is None:
        return False
    try:
        executor.cancel(handle_of(run), grace_s)
    except NotFound:
        return False  # not started yet, or its command was killed: settling closes it then
    return True
