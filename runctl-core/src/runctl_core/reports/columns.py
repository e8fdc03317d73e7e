"""The columns of a report's table of resources: one list for every format."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from attrs import frozen

from runctl_core.clock import iso
from runctl_core.reports.report import Line


@frozen
class Column:
    """One column.

    Attributes:
        name: Its name in files.
        title: For people.
        value: What a line has in it: text, a number, a moment, or None for what nobody knows.
    """

    name: str
    title: str
    value: Callable[[Line], str | int | Decimal | datetime | None]


COLUMNS = (
    Column("provider", "Provider", lambda line: line.item.resource.provider),
    Column("resource", "Resource", lambda line: line.item.resource.id),
    Column("name", "Name", lambda line: line.item.resource.name),
    Column("state", "State", lambda line: str(line.item.resource.state)),
    Column("problem", "Problem", lambda line: line.item.problem),
    Column("hourly_usd", "$/h", lambda line: line.item.hourly_usd),
    Column("monthly_usd", "$/month", lambda line: line.item.monthly_usd),
    Column("spent_usd", "Spent", lambda line: line.spent.usd if line.spent else None),
    Column("spent_unknown", "", lambda line: line.spent.unknown if line.spent else None),
    Column("kind", "Kind", lambda line: line.item.resource.kind),
    Column("instance_type", "Type", lambda line: line.item.resource.instance_type),
    Column("gpu", "GPU", lambda line: line.item.resource.gpu),
    Column("gpu_count", "GPUs", lambda line: line.item.resource.gpu_count or None),
    Column("region", "Region", lambda line: line.item.resource.region),
    Column("owner", "Owner", lambda line: line.item.resource.owner),
    Column("project", "Project", lambda line: line.item.resource.project),
    Column("run", "Run", lambda line: line.item.resource.run_id),
    Column("created_at", "Made (UTC)", lambda line: line.item.resource.created_at),
)


def plain(value: str | int | Decimal | datetime | None) -> str:
    """A value as text without loss: money never as `1E+3`, a moment in UTC, nothing for unknown."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return iso(value) if isinstance(value, datetime) else str(value)
