"""The JSON of a cleanup: the plan, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from runctl_core.fields import money, of_burn
from runctl_core.inventory.documents import of_item, of_problems
from runctl_core.inventory.summary import burn
from runctl_core.models.money import HOURS_A_MONTH

if TYPE_CHECKING:
    from runctl_core.cleanup import Cleaned, Failure, Plan, Skipped, Step
    from runctl_core.inventory import Inventory
    from runctl_core.models.burn import Burn


def of_cleanup(plan: Plan, cleaned: Cleaned | None, known: Inventory) -> dict[str, Any]:
    """A plan, and what became of it; None for a dry run. `known` tells when who answered last."""
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
    return {
        **of_burn(*saved.figures),
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
