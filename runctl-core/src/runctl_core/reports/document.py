"""A report as one document for programs. Money is text, moments are UTC, and what nobody knows is null."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from runctl_core.clock import iso
from runctl_core.fields import moment, money, of_burn, of_total
from runctl_core.reports.columns import COLUMNS
from runctl_core.reports.report import Line, Report


def to_document(report: Report) -> dict[str, Any]:
    """Everything that the page shows. `docs/reference/schemas/report.json` describes it."""
    return {
        "taken_at": iso(report.at),
        **of_burn(report.hourly.usd, report.hourly.unknown, report.hourly.estimated_usd),
        "today": of_total(report.today),
        "month": of_total(report.month),
        "days": [{"day": day, **of_total(total)} for day, total in report.days],
        "groups": {
            by: [{"key": key, **of_total(total)} for key, total in rows] for by, rows in report.groups.items()
        },
        "resources": [_of_line(line) for line in report.lines],
        "problems": dict(report.problems),
    }


def _of_line(line: Line) -> dict[str, Any]:
    return {column.name: _plain(column.value(line)) for column in COLUMNS}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return money(value)
    return moment(value) if hasattr(value, "tzinfo") else value
