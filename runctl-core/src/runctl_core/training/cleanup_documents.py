"""The JSON of what cleans up: `resources cleanup`, `panic`, `stop-all` and the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from runctl_core.clock import iso
from runctl_core.fields import moment, money, of_burn
from runctl_core.inventory.documents import of_item, of_problems

if TYPE_CHECKING:
    from runctl_core.cleanup import Cleaned, Failure, Plan, Skipped, Step
    from runctl_core.inventory import Inventory
    from runctl_core.models.burn import Burn
    from runctl_core.tracking.audit import AuditedAct
    from runctl_core.training.panic import Panicked
    from runctl_core.training.stop_all import StoppedRuns


def of_cleanup(plan: Plan, cleaned: Cleaned | None, known: Inventory) -> dict[str, Any]:
    """A plan, and what became of it; None for a dry run. `known` tells when who answered last."""
    from runctl_core.inventory.summary import burn

    steps = plan.steps if cleaned is None else cleaned.done
    return {
        "dry_run": cleaned is None,
        "mode": str(plan.mode),
        "planned": [of_step(step) for step in plan.steps],
        "deleted": [] if cleaned is None else [of_step(step) for step in cleaned.done],
        "skipped": [of_skipped(s) for s in (plan.skipped if cleaned is None else cleaned.skipped)],
        "failed": [] if cleaned is None else [of_failure(failure) for failure in cleaned.failed],
        "unanswered": of_problems(evolve(known, problems=plan.problems)),
        "saves": _of_saving(burn(step.item for step in steps)),
    }


def _of_saving(saved: Burn) -> dict[str, Any]:
    from runctl_core.models.money import HOURS_A_MONTH

    return {
        **of_burn(saved.hourly_usd, saved.unknown, saved.estimated_hourly_usd),
        "monthly_usd": money(saved.hourly_usd * HOURS_A_MONTH),
    }


def of_step(step: Step) -> dict[str, Any]:
    """What is done to a resource, and why it may be."""
    return {**of_item(step.item), "act": str(step.act), "allowed_because": list(step.why)}


def of_skipped(skipped: Skipped) -> dict[str, Any]:
    """A resource that is left alone, and every reason."""
    reasons = [{"rule": str(reason.rule), "detail": reason.detail} for reason in skipped.reasons]
    return {**of_item(skipped.item), "reasons": reasons}


def of_failure(failure: Failure) -> dict[str, Any]:
    """A resource that could not be dealt with."""
    return {**of_item(failure.item), "why": failure.why}


def of_runs(runs: StoppedRuns) -> dict[str, Any]:
    """The runs that were stopped, and those that could not be."""
    ended = [{"run": run.id, "state": str(run.state), "reason": run.reason} for run in runs.ended]
    failed = [{"run": run, "why": why} for run, why in runs.failed.items()]
    return {"ended_runs": ended, "failed_runs": failed}


def of_panic(done: Panicked, known: Inventory) -> dict[str, Any]:
    """What became of everything. `known` tells when who answered last."""
    return {
        **of_runs(done.runs),
        "let_go": [of_step(step) for step in done.cleaned.done],
        "skipped": [of_skipped(skipped) for skipped in done.cleaned.skipped],
        "failed": [of_failure(failure) for failure in done.cleaned.failed],
        "storage": [of_item(item) for item in done.storage],
        "unanswered": of_problems(evolve(known, problems=done.unanswered)),
    }


def of_act(act: AuditedAct) -> dict[str, Any]:
    """One act of the audit log."""
    return {
        "act": str(act.before.act),
        "provider": act.before.provider,
        "resource": act.before.resource_id,
        "name": act.before.name,
        "run": act.before.run_id,
        "owner": act.before.actor.owner,
        "user": act.before.actor.user,
        "command": act.before.actor.command,
        "allowed_because": list(act.before.why),
        "announced_at": iso(act.before.at),
        "answered_at": moment(act.after.at if act.after else None),
        "answer": act.after and act.after.answer and str(act.after.answer),
        "detail": act.after.detail if act.after else "",
    }
