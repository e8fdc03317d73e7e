"""A report as one HTML file: nothing is loaded from anywhere, and nothing in a cell can run.

Every text is escaped, and a content security policy allows the page's own script and style by their
hashes: what got past the first would still stop at the second.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from importlib.resources import files
from xml.etree.ElementTree import Element

from runctl_core import words
from runctl_core.clock import iso
from runctl_core.models.money import Total
from runctl_core.reports import charts
from runctl_core.reports.columns import COLUMNS, Column, plain
from runctl_core.reports.elements import tag, to_text
from runctl_core.reports.report import Line, Report

_NUMBERS = ("gpu_count", "hourly_usd", "monthly_usd", "spent_usd")
_MONEY = _NUMBERS[1:]


def to_html(report: Report) -> str:
    """The whole page."""
    style, script = _asset("page.css"), _asset("page.js")
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    moment = iso(report.inventory.taken_at)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"runctl, {moment}"),
        tag("style", style),
    )
    body = tag(
        "body",
        tag("header", tag("h1", "Resources and cost"), tag("p", f"runctl, {moment}", class_="when")),
        _figures(report),
        _problems(report),
        tag("section", tag("h2", "Cost by day (UTC)"), charts.columns(report.days)),
        _groups(report),
        _resources(report),
        _runs(report),
        tag("script", script),
    )
    return f"<!doctype html>\n{to_text(tag('html', head, body, lang='en'))}\n"


def _asset(name: str) -> str:
    return files("runctl_core.reports").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _figures(report: Report) -> Element:
    today, month = report.today, report.month
    return tag(
        "dl",
        _figure("An hour now", "hourly", *report.now.figures, unit="/h"),
        _figure("Today", "today", today.usd, today.unknown, today.estimated_usd),
        _figure(f"{report.inventory.taken_at:%B %Y}", "month", month.usd, month.unknown, month.estimated_usd),
        tag("div", tag("dt", "Resources"), tag("dd", str(len(report.lines)))),
        class_="figures",
    )


def _figure(
    title: str, name: str, usd: Decimal, unknown: int, estimated_usd: Decimal, *, unit: str = ""
) -> Element:
    amount = words.cost(usd, 0, estimated_usd)
    shown = tag("dd", amount, id=name, data_usd=plain(usd), data_unknown=unknown)
    if unit:
        shown.append(tag("span", unit, class_="unit"))
    if unknown:
        left_out = f"without {words.count(unknown, 'resource')} of unknown price"
        shown.append(tag("span", left_out, class_="left-out"))
    return tag("div", tag("dt", title), shown)


def _problems(report: Report) -> Iterable[Element]:
    if problems := report.inventory.problems:
        rows = (tag("li", tag("b", name), f": {error.summary}") for name, error in sorted(problems.items()))
        yield tag(
            "section",
            tag("h2", "Providers that did not answer"),
            tag("p", "Their rows are the last known ones."),
            tag("ul", rows),
            class_="warning",
        )


def _groups(report: Report) -> Element:
    panels = (
        tag("section", tag("h2", f"This month by {by}"), charts.bars(report.groups[by], by))
        for by in ("provider", "project", "owner")
    )
    return tag("div", panels, class_="groups")


def _resources(report: Report) -> Element:
    columns = [column for column in COLUMNS if column.title and _is_wanted(column, report)]
    heads = (_head(column.title, number=column.name in _NUMBERS) for column in columns)
    rows = (tag("tr", (_cell(line, column) for column in columns)) for line in report.lines)
    spent = sum((line.spent.usd for line in report.lines if line.spent), Decimal(0))
    at = [column.name for column in columns].index("spent_usd")
    foot = tag(
        "tr",
        tag("td", "Spent by what is there now", colspan=at),
        tag("td", words.cost(spent), id="spent", class_="number", data_usd=plain(spent)),
        *(tag("td") for _ in columns[at + 1 :]),
    )
    search = tag("input", type="search", hidden=True, placeholder="Filter", aria_label="Filter the resources")
    table = _table("resources", heads, rows, foot)
    above = tag("div", tag("h2", "Resources now"), search, class_="above")
    return tag("section", above, tag("div", table, class_="scroll"))


def _table(name: str, heads: Iterable[Element], rows: Iterable[Element], foot: Element) -> Element:
    return tag(
        "table",
        tag("thead", tag("tr", heads)),
        tag("tbody", rows),
        tag("tfoot", foot),
        id=name,
        data_sortable=True,
    )


def _head(title: str, *, number: bool) -> Element:
    return tag("th", tag("button", title, type="button"), scope="col", class_="number" if number else None)


def _is_wanted(column: Column, report: Report) -> bool:
    """Whether a column says anything: a name that is the id again, or nothing at all, does not."""
    if column.name == "name":
        return any(line.item.resource.name != line.item.resource.id for line in report.lines)
    return column.name in _MONEY or any(column.value(line) for line in report.lines)


def _cell(line: Line, column: Column) -> Element:
    value = column.value(line)
    kind = "number" if column.name in _NUMBERS else column.name
    return tag("td", _shown(line, column), class_=kind, data_value=plain(value))


def _shown(line: Line, column: Column) -> str:
    value = column.value(line)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, Decimal):
        return words.total(line.spent) if column.name == "spent_usd" and line.spent else words.cost(value)
    return "unknown" if value is None and column.name in _MONEY else plain(value)


def _runs(report: Report) -> Element:
    rows = (
        tag("tr", tag("td", run, data_value=run), _money(total, data_value=plain(total.usd)))
        for run, total in report.groups["run"]
    )
    whole = sum((total for _, total in report.groups["run"]), Total())
    foot = tag("tr", tag("td", "All"), _money(whole, data_usd=plain(whole.usd)))
    heads = (_head("Run", number=False), _head("Cost", number=True))
    return tag("section", tag("h2", "This month by run"), _table("runs", heads, rows, foot))


def _money(total: Total, **attributes: str) -> Element:
    return tag("td", words.total(total), class_="number", **attributes)
