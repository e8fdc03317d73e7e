"""The JSON of resources: one shape and one name each, for every command that prints them.

`docs/reference/schemas` describes every field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runctl_core.clock import iso
from runctl_core.fields import moment, money, of_burn, of_total
from runctl_core.inventory.summary import burn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runctl_core.inventory.changes import Changed
    from runctl_core.inventory.insights import Insight
    from runctl_core.inventory.items import Inventory, Item
    from runctl_core.inventory.orphans import Orphan
    from runctl_core.inventory.summary import Group, Summary
    from runctl_core.models.burn import Burn
    from runctl_core.models.marks import Marked


def of_item(item: Item) -> dict[str, Any]:
    """One resource; a size of zero means that nobody knows it."""
    resource = item.resource
    return {
        **_of_place(item),
        "name": resource.name,
        "kind": resource.kind,
        "state": str(resource.state),
        "managed": resource.managed,
        "owner": resource.owner,
        "project": resource.project,
        "run": resource.run_id,
        "run_state": None if item.run is None else str(item.run.state),
        "hourly_usd": money(resource.price.hourly_usd),
        "price_source": resource.price.source,
        "priced_at": moment(resource.price.as_of),
        "price_estimated": resource.price.estimated,
        "instance_type": resource.instance_type or None,
        "gpu": resource.gpu,
        "gpu_count": resource.gpu_count,
        "vcpus": resource.vcpus or None,
        "memory_bytes": resource.memory_bytes or None,
        "size_bytes": resource.size_bytes or None,
        "attached_to": resource.attached_to,
        "region": resource.region or None,
        "zone": resource.zone or None,
        "spot": resource.spot,
        "tags": dict(resource.tags),
        "created_at": moment(resource.created_at),
        "expires_at": moment(resource.expires_at),
        "first_seen_at": moment(item.first_seen),
        "last_seen_at": iso(item.last_seen),
        "protected": item.protected,
        "marks": [of_mark(marked) for marked in item.marks.values()],
        "problem": item.problem,
        "note": resource.note,
    }


def _of_place(item: Item) -> dict[str, str]:
    return {"provider": item.resource.provider, "resource": item.resource.id}


def of_mark(marked: Marked) -> dict[str, str]:
    """What the user said of a resource."""
    return {"mark": str(marked.mark), "why": marked.why, "by": marked.by, "set_at": iso(marked.at)}


def of_inventory(inventory: Inventory) -> dict[str, Any]:
    """The items with their sum, and the providers that did not answer."""
    return {
        "taken_at": iso(inventory.taken_at),
        **_of_burn(burn(inventory.items)),
        "resources": [of_item(item) for item in inventory.items],
        "unanswered": of_problems(inventory),
    }


def of_problems(inventory: Inventory) -> list[dict[str, Any]]:
    """The providers that did not answer, each with the reason and when it last showed anything."""
    return [
        {"provider": name, "why": error.summary, "last_seen_at": moment(inventory.last_answer(name))}
        for name, error in inventory.problems.items()
    ]


def of_summary(inventory: Inventory, summary: Summary) -> dict[str, Any]:
    """What there is and what it costs, in all and by group."""
    groups = {f"by_{by}": [_of_group(group) for group in found] for by, found in summary.groups.items()}
    whole = _of_group(summary.whole)
    del whole["key"]
    return {
        "taken_at": iso(inventory.taken_at),
        **whole,
        **groups,
        "unanswered": of_problems(inventory),
    }


def of_insight(insight: Insight) -> dict[str, Any]:
    """One finding."""
    return {
        "finding": str(insight.finding),
        **_of_place(insight.item),
        "detail": insight.detail,
        "monthly_usd": money(insight.monthly_usd),
        "fix": insight.fix,
    }


def of_orphan(orphan: Orphan) -> dict[str, Any]:
    """A resource that nothing explains, and the reason."""
    return {"reason": orphan.reason, **of_item(orphan.item)}


def _of_group(group: Group) -> dict[str, Any]:
    return {
        "key": group.key,
        **_of_burn(group.now),
        "today": of_total(group.today),
        "month": of_total(group.month),
    }


def _of_burn(now: Burn) -> dict[str, Any]:
    return {"resource_count": now.resources, **of_burn(*now.figures)}


def of_changes(last: Inventory, seen: Iterable[Changed]) -> dict[str, Any]:
    """Every change that was seen, oldest first, and the providers that did not answer at the end."""
    return {
        "taken_at": iso(last.taken_at),
        "changes": [
            {
                "seen_at": iso(changed.at),
                "change": str(changed.change),
                **_of_place(changed.item),
                "before": changed.before,
                "after": changed.after,
            }
            for changed in seen
        ],
        "unanswered": of_problems(last),
    }


def of_insights(inventory: Inventory, found: Sequence[Insight]) -> dict[str, Any]:
    """Every finding, with what the resources of all of them cost a month."""
    from runctl_core.inventory.insights import worth

    usd, unknown = worth(found)
    return {
        "taken_at": iso(inventory.taken_at),
        "monthly_usd": money(usd),
        "monthly_unknown_resources": unknown,
        "insights": [of_insight(insight) for insight in found],
        "unanswered": of_problems(inventory),
    }
