"""A report as one HTML file: nothing is loaded from anywhere, and nothing in a cell can run.

Every text is escaped, and a content security policy allows the page's own script and style by their
hashes: what got past the first would still stop at the second.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from decimal import Decimal
from importlib.resources import files
from xml.etree.ElementTree import Element

from runctl_core.clock import iso
from runctl_core.models.money import Total
from runctl_core.reports import charts
from runctl_core.reports.columns import COLUMNS, Column, plain
from runctl_core.reports.elements import tag, to_text
from runctl_core.reports.report import Line, Report
from runctl_core.words import cost, count

_NUMBERS = ("gpu_count", "hourly_usd", "monthly_usd", "spent_usd")
_SHOWN = tuple(column for column in COLUMNS if column.title)


def to_html(report: Report) -> str:
    """The whole page."""
    style, script = _asset("page.css"), _asset("page.js")
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    moment = iso(report.at)
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
    return tag(
        "dl",
        _figure("An hour now", "hourly", report.hourly, "/h"),
        _figure("Today", "today", report.today),
        _figure(f"{report.at:%B %Y}", "month", report.month),
        tag("div", tag("dt", "Resources"), tag("dd", str(len(report.lines)))),
        class_="figures",
    )


def _figure(title: str, name: str, total: Total, unit: str = "") -> Element:
    shown = tag("dd", cost(total.usd), id=name, data_usd=plain(total.usd), data_unknown=total.unknown)
    if unit:
        shown.append(tag("span", unit, class_="unit"))
    if total.unknown:
        words = f"without {count(total.unknown, 'resource')} of unknown price"
        shown.append(tag("span", words, class_="left-out"))
    return tag("div", tag("dt", title), shown)


def _problems(report: Report) -> Iterable[Element]:
    if report.problems:
        rows = (tag("li", tag("b", name), f": {why}") for name, why in sorted(report.problems.items()))
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
    heads = (_head(column.title, number=column.name in _NUMBERS) for column in _SHOWN)
    spent = sum((line.spent.usd for line in report.lines if line.spent), Decimal(0))
    at = [column.name for column in _SHOWN].index("spent_usd")
    foot = tag(
        "tr",
        tag("td", "Spent by what is there now", colspan=at),
        tag("td", cost(spent), id="spent", class_="number", data_usd=plain(spent)),
        tag("td", colspan=len(_SHOWN) - at - 1),
    )
    search = tag("input", type="search", hidden=True, placeholder="Filter", aria_label="Filter the resources")
    table = _table("resources", heads, (_row(line) for line in report.lines), foot)
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


def _row(line: Line) -> Element:
    return tag("tr", (_cell(line, column) for column in _SHOWN))


def _cell(line: Line, column: Column) -> Element:
    value = column.value(line)
    kind = "number" if column.name in _NUMBERS else "problem" if column.name == "problem" else None
    return tag("td", _shown(line, column), class_=kind, data_value=plain(value))


def _shown(line: Line, column: Column) -> str:
    value = column.value(line)
    if isinstance(value, Decimal):
        return cost(value, line.spent.unknown if column.name == "spent_usd" and line.spent else 0)
    return "unknown" if value is None and column.name in _NUMBERS else plain(value)


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
    return tag("td", cost(total.usd, total.unknown), class_="number", **attributes)
