"""Items for tests of what is decided about an inventory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from runctl_core.inventory import Inventory, Item
from runctl_core.models.marks import Mark, Marked
from runctl_core.models.money import UNKNOWN_PRICE, Price
from runctl_core.models.resources import Resource, ResourceState
from runctl_core.models.runs import Run, RunState

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
OURS = {"runctl:owner": "me", "runctl:project": "demo"}


def run(state: RunState = RunState.RUNNING, *, resource: str | None = "i-1") -> Run:
    """The run `calm-crab-11`."""
    return Run("calm-crab-11", "crab", "demo", "me", "cloud", "t.py", "/w", state, NOON, resource_id=resource)


def item(
    resource_id: str = "i-1",
    *,
    usd: str | None = "2.00",
    marks: tuple[Mark, ...] = (),
    run: Run | None = None,
    problem: str = "",
    **fields: Any,
) -> Item:
    """A running machine of mine, two hours old, unless the fields of its resource say otherwise."""
    managed = fields.setdefault("managed", True)
    given = {
        "provider": "cloud",
        "name": f"name-of-{resource_id}",
        "state": ResourceState.RUNNING,
        "created_at": NOON - timedelta(hours=2),
        "price": UNKNOWN_PRICE if usd is None else Price(Decimal(usd)),
        **fields,
        "tags": {**(OURS if managed else {}), **fields.get("tags", {})},
    }
    resource = Resource(id=resource_id, **given)
    said = {mark: Marked("cloud", resource_id, mark, "", "me", NOON) for mark in marks}
    return Item(resource, problem=problem, first_seen=NOON, last_seen=NOON, run=run, marks=said)


def inventory(*items: Item, silent: tuple[str, ...] = ()) -> Inventory:
    """These items at noon, and the providers that did not answer."""
    from runctl_core.errors import ProviderUnavailable

    problems = {name: ProviderUnavailable("it hangs") for name in silent}
    return Inventory(items, problems=problems, taken_at=NOON)
