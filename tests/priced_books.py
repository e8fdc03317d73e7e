"""Books for tests of whole commands: resources at a price, written as the tracker writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from homes import Home
from runctl_core.models.money import Price
from runctl_core.models.resources import TAG_PROJECT, Resource, ResourceState
from runctl_core.tracking import ResourceTracker


def record(
    home: Home, name: str, hourly: str | None, *, hours: float = 2, estimated: bool = False
) -> ResourceTracker:
    """A machine of a project of its own name, begun so many hours ago, that nobody has ended."""
    begun = datetime.now(UTC) - timedelta(hours=hours)
    price = Price(None if hourly is None else Decimal(hourly), "test", begun, estimated)
    made = Resource(
        name, "cloud", name, ResourceState.RUNNING, managed=True, tags={TAG_PROJECT: name}, price=price
    )
    tracker = ResourceTracker(str(home.state / "state.db"), clock=lambda: begun)
    tracker.record_resource(made)
    return tracker
