"""Cleaning up from the dashboard: the plan in words, and what became of it. `cleanup/` decides and does."""

from __future__ import annotations

from runctl_core import words
from runctl_core.cleanup import Cleaned, Mode, Plan, meant
from runctl_core.dashboard.sources import Sources
from runctl_core.inventory.filters import Filter
from runctl_core.training.settle import settle_at_once


def plan(sources: Sources) -> Plan:
    """What may go of all that is mine, as every provider shows it now."""
    settle_at_once(sources.engine, timeout_s=sources.timeout_s)
    inventory = sources.inventory()
    mine = meant(sources.tracker, inventory, Filter(), sources.owner)
    return sources.safety.plan(mine, inventory.problems, mode=Mode.CLEANUP)


def question(plan: Plan) -> str:
    """`Delete 3 resources, which saves $2.50/h?`"""
    if not plan.steps:
        return "There is nothing to delete"
    saved = plan.saves
    per_hour = words.per_hour(*saved.figures)
    gain = f", which saves {per_hour}" if saved.hourly_usd or saved.unknown else ""
    return f"Delete {words.count(len(plan.steps), 'resource')}{gain}?"


def lines(plan: Plan) -> list[str]:
    """What goes, what stays and why, and whom nobody could ask."""
    gone = [
        f"  {step.item.key}  {words.hourly(step.item.hourly_usd)}; {'; '.join(step.why)}"
        for step in plan.steps
    ]
    left = [
        f"  {skipped.item.key}  {'; '.join(reason.detail for reason in skipped.reasons)}"
        for skipped in plan.skipped
    ]
    silent = [f"  {name}  {error.message}" for name, error in plan.problems.items()]
    parts = [("To be deleted:", gone), ("Left alone:", left), ("Not asked, so not touched:", silent)]
    return [line for heading, rows in parts if rows for line in (heading, *rows)]


def outcome(cleaned: Cleaned) -> str:
    """`2 resources deleted; 1 could not be: alpha/i-1: …`"""
    done = f"{words.count(len(cleaned.done), 'resource')} deleted"
    if not cleaned.failed:
        return done
    first = cleaned.failed[0]
    return f"{done}; {len(cleaned.failed)} could not be: {first.item.key}: {first.why}"
