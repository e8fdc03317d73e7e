"""Reports of what there is and what it costs: a table as CSV, a page as HTML, a document for programs."""

from __future__ import annotations

from runctl_core.reports.document import to_document
from runctl_core.reports.page import to_html
from runctl_core.reports.report import Report, make_report
from runctl_core.reports.table import to_csv

__all__ = ["Report", "make_report", "to_csv", "to_document", "to_html"]
