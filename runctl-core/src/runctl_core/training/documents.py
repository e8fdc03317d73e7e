"""The JSON of things that several commands print: one shape and one name each, wherever they stand.

`docs/reference/schemas` describes every field. Moments are ISO 8601 in UTC, money is text, and what
nobody knows is null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runctl_core.clock import iso
from runctl_core.fields import moment, money, of_total

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from runctl_core.checkpoints.verdict import Verification
    from runctl_core.inventory import Inventory
    from runctl_core.models.checkpoints import Checkpoint
    from runctl_core.models.jobs import Usage
    from runctl_core.models.processes import Process
    from runctl_core.models.resources import Offer
    from runctl_core.models.runs import Run, RunChange
    from runctl_core.models.warnings import UsageWarning
    from runctl_core.tracking.audit import AuditedAct
    from runctl_core.training.panic import Panicked
    from runctl_core.training.plan import Plan
    from runctl_core.training.spending import Spending
    from runctl_core.training.stop_all import StoppedRuns


def of_run(run: Run) -> dict[str, Any]:
    """What the books hold of a run: a row of `ps --json` and `runs --json`."""
    return {
        "run": run.id,
        "name": run.name,
        "project": run.project,
        "owner": run.owner,
        "provider": run.provider,
        "resource": run.resource_id,
        "state": str(run.state),
        "attempt": run.attempt,
        "script": run.script,
        "workdir": run.directory,
        "created_at": iso(run.created_at),
        "started_at": moment(run.started_at),
        "ended_at": moment(run.ended_at),
        "deadline_at": moment(run.deadline),
        "hourly_usd": money(run.hourly_usd),
        "exit_code": run.exit_code,
        "signal": run.signal,
        "ended_by": run.ended_by,
        "reason": run.reason,
        "resumed_from": run.resumed_from,
    }


def of_change(change: RunChange) -> dict[str, Any]:
    """One step of a run's history."""
    return {
        "state": str(change.state),
        "entered_at": iso(change.at),
        "attempt": change.attempt,
        "detail": change.detail,
    }


def of_checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    """What is known of a checkpoint."""
    return {
        "path": checkpoint.path,
        "format": checkpoint.format,
        "step": checkpoint.step,
        "epoch": checkpoint.epoch,
        "metrics": dict(checkpoint.metrics),
        "size_bytes": checkpoint.size_bytes,
        "modified_at": iso(checkpoint.modified_at),
        "complete": checkpoint.complete,
        "problem": checkpoint.problem,
        "framework": checkpoint.framework or None,
        "framework_version": checkpoint.framework_version or None,
        "tensors": checkpoint.tensors.count if checkpoint.tensors else None,
        "parameters": checkpoint.tensors.parameters if checkpoint.tensors else None,
        "dtype_bytes": dict(checkpoint.tensors.dtype_bytes) if checkpoint.tensors else {},
        "details": dict(checkpoint.details),
    }


def of_verification(verified: Verification, *, recorded: bool) -> dict[str, Any]:
    """What a verification says of a checkpoint, and whether a manifest was written for it."""
    return {
        "path": verified.path,
        "verdict": str(verified.verdict),
        "evidence": str(verified.evidence),
        "findings": [
            {"file": found.file, "where": found.where, "what": found.what, "damage": found.damage}
            for found in verified.findings
        ],
        "read_bytes": verified.read_bytes,
        "recorded": recorded,
    }


def of_usage(sample: Usage) -> dict[str, Any]:
    """What a run uses, by one sample."""
    from attrs import asdict

    figures = asdict(sample)
    return {"sampled_at": iso(figures.pop("at")), **figures}


def of_warning(warning: UsageWarning) -> dict[str, Any]:
    """Something in what a run uses that its user can mend."""
    return {
        "kind": str(warning.kind),
        "message": warning.message,
        "since_at": iso(warning.since),
        "figure": warning.figure,
        "threshold": warning.threshold,
        "unit": warning.unit,
        "fix": warning.fix,
    }


def of_process(process: Process) -> dict[str, Any]:
    """One process of a run's job."""
    from attrs import asdict

    return {**asdict(process), "command": list(process.command)}


def of_offer(offer: Offer) -> dict[str, Any]:
    """An offer; a size of zero means that nobody knows it."""
    return {
        "provider": offer.provider,
        "instance_type": offer.name,
        "gpu": offer.gpu,
        "gpu_count": offer.gpu_count,
        "gpu_memory_bytes": offer.gpu_memory_bytes or None,
        "vcpus": offer.vcpus or None,
        "memory_bytes": offer.memory_bytes or None,
        "hourly_usd": money(offer.price.hourly_usd),
        "price_source": offer.price.source,
        "priced_at": moment(offer.price.as_of),
        "region": offer.region or None,
        "zone": offer.zone or None,
        "spot": offer.spot,
        "available": offer.available,
        "note": offer.note,
    }


def of_plan(
    plan: Plan, offers: Sequence[Offer], ends_after_hours: float | None, max_cost_usd: Decimal | None
) -> dict[str, Any]:
    """What a run would do, on which offers, and when and at what cost it would end."""
    document = plan.to_json()
    return {
        "environment": document.pop("kind"),
        **document,
        "budget_usd": money(plan.budget_usd),
        "offers": [of_offer(offer) for offer in offers],
        "ends_after_hours": ends_after_hours,
        "max_cost_usd": money(max_cost_usd),
    }


def of_spending(spending: Spending, with_run_usd: Decimal) -> dict[str, Any]:
    """How a budget stands, and what its period may come to with the run that is planned."""
    return {
        "budget": spending.period.budget,
        "period": spending.period.name,
        "limit_usd": money(spending.period.limit_usd),
        **of_total(spending.spent),
        "cost_unknown_resources": spending.unknown,
        "committed_usd": money(spending.committed_usd),
        "hourly_usd": money(spending.hourly_usd),
        "with_run_usd": money(with_run_usd),
    }


def of_stopped(runs: StoppedRuns) -> dict[str, Any]:
    """The runs that were stopped, and those that could not be."""
    ended = [{"run": run.id, "state": str(run.state), "reason": run.reason} for run in runs.ended]
    failed = [{"run": run, "why": why} for run, why in runs.failed.items()]
    return {"ended_runs": ended, "failed_runs": failed}


def of_panic(done: Panicked, known: Inventory) -> dict[str, Any]:
    """What became of everything. `known` tells when who answered last."""
    from attrs import evolve

    from runctl_core.cleanup.documents import of_failure, of_skipped, of_step
    from runctl_core.inventory.documents import of_item, of_problems

    return {
        **of_stopped(done.runs),
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
