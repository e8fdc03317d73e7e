"""Stopping a run, from any terminal: SIGTERM, its grace period, SIGKILL, and then its books."""

from __future__ import annotations

import time

from runctl_core.errors import NotFound, Refused, UnknownOutcome
from runctl_core.models.runs import Run, RunState
from runctl_core.training.engine import LIVE, PLANNED_LIVE, Engine, handle_of
from runctl_core.training.plan import Plan
from runctl_core.training.settle import reach, settle_run

_CLOSING_S = 60.0


def stop(engine: Engine, run: Run, *, grace_s: float | None = None) -> Run:
    """Stop a run and wait until it is over.

    Raises:
        Refused: It is over already.
        UnknownOutcome: It was told to stop, and is not over after its grace period.
    """
    run = settle_run(engine, run)
    if run.state.over:
        raise Refused(f"{run.id} is over already: {run.state}", fix=f"runctl status {run.id}")
    plan = Plan.from_json(engine.tracker.plan(run.id))
    grace_s = plan.grace_s if grace_s is None else grace_s
    if not _stopped_before_start(engine, run):
        _cancel(engine, run, plan, grace_s)
    return _wait(engine, run, grace_s)


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


def _cancel(engine: Engine, run: Run, plan: Plan, grace_s: float) -> None:
    run = engine.tracker.run(run.id)
    executor = reach(run, plan, engine.open_provider(plan))
    if executor is None:
        return
    try:
        executor.cancel(handle_of(run), grace_s)
    except NotFound:
        return  # its command was killed before the job started; settling closes it


def _wait(engine: Engine, run: Run, grace_s: float) -> Run:
    end = time.monotonic() + grace_s + _CLOSING_S
    while time.monotonic() < end:
        run = settle_run(engine, run)
        if run.state not in LIVE:
            return run
        time.sleep(0.05)
    raise UnknownOutcome(
        f"{run.id} was told to stop and is still {run.state}",
        fix=f"runctl status {run.id}, then runctl stop {run.id} --grace-seconds 0",
    )
