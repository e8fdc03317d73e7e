"""A report as one document for programs. Money is text, moments are UTC, and what nobody knows is null."""

from __future__ import annotations

from typing import Any

from runctl_core.clock import iso
from runctl_core.fields import of_burn, of_total
from runctl_core.inventory.documents import of_item, of_problems
from runctl_core.models.money import Total
from runctl_core.reports.report import Line, Report


def to_document(report: Report) -> dict[str, Any]:
    """Everything that the page shows. `docs/reference/schemas/report.json` describes it."""
    return {
        "taken_at": iso(report.inventory.taken_at),
        **of_burn(*report.now.figures),
        "today": of_total(report.today),
        "month": of_total(report.month),
        "days": [{"day": day, **of_total(total)} for day, total in report.days],
        "groups": {
            by: [{"key": key, **of_total(total)} for key, total in rows] for by, rows in report.groups.items()
        },
        "resources": [{**of_item(line.item), **_of_spent(line)} for line in report.lines],
        "unanswered": of_problems(report.inventory),
    }


def _of_spent(line: Line) -> dict[str, Any]:
    return dict.fromkeys(of_total(Total())) if line.spent is None else of_total(line.spent)
