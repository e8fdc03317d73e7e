"""The table of resources as CSV (RFC 4180), safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io

from runctl_core.reports.columns import COLUMNS, plain
from runctl_core.reports.report import Report

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def to_csv(report: Report) -> str:
    """A header and a line for each resource. What nobody knows is empty, and never 0."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(column.name for column in COLUMNS)
    for line in report.lines:
        writer.writerow(_inert(column.value(line)) for column in COLUMNS)
    return out.getvalue()


def _inert(value: object) -> str:
    """Text that a spreadsheet would take for a formula gets an apostrophe, which makes it text.

    OWASP, "CSV Injection": a cell that begins with one of these characters.
    """
    text = plain(value)  # type: ignore[arg-type]
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
