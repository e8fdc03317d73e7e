"""Reports as files: what a spreadsheet opens, and what a program reads."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from runctl_core.errors import ProviderUnavailable
from runctl_core.inventory import Inventory, Item
from runctl_core.models.burn import Burn
from runctl_core.models.money import UNKNOWN_PRICE, Price, Total
from runctl_core.models.resources import Resource, ResourceState
from runctl_core.reports import Report, make_report, to_csv, to_document, to_html
from runctl_core.reports.report import Line
from runctl_core.tracking import ResourceTracker

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TAGS = {"runctl:run": "brave-otter-41", "runctl:project": "vision", "runctl:owner": "ann"}
MACHINE = Resource(
    "i-1", "cloud", "one", ResourceState.RUNNING, managed=True, tags=TAGS, price=Price(Decimal(2))
)


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ResourceTracker]:
    """Books in which a machine at 2 dollars has run since the end of the last month."""
    times = iter([datetime(2026, 10, 31, tzinfo=UTC)])
    with ResourceTracker(str(tmp_path / "state.db"), clock=lambda: next(times, NOON)) as made:
        made.record_resource(MACHINE)
        yield made


def inventory(*items: Item, **problems: ProviderUnavailable) -> Inventory:
    return Inventory(items, problems=problems, taken_at=NOON)


def item(resource: Resource) -> Item:
    """A resource of the books."""
    return Item(resource, first_seen=NOON, last_seen=NOON)


def bare(*resources: Resource) -> Report:
    """A report of resources, with nothing spent."""
    lines = tuple(Line(item(resource), Total()) for resource in resources)
    there = inventory(*(line.item for line in lines))
    groups = dict.fromkeys(("run", "provider", "project", "owner"), ())
    return Report(there, lines, Burn(), Total(), Total(), (), groups)


def tags_of(page: str) -> dict[str, int]:
    """How often a browser would see each tag, and each attribute that could run something."""
    seen: Counter[str] = Counter()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: seen.update(  # type: ignore[method-assign]
        [tag, *(name for name, _ in attributes if name.startswith("on"))]
    )
    parser.feed(page)
    return {tag: seen[tag] for tag in ("script", "img", "table") if seen[tag]} | {
        name: number for name, number in seen.items() if name.startswith("on")
    }


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_sums_of_a_report_are_the_ledgers(tracker) -> None:
    report = make_report(tracker, inventory(item(MACHINE)))
    hours = {"today": 12, "month": 23 * 24 + 12}
    assert (report.today.usd, report.month.usd) == (hours["today"] * 2, hours["month"] * 2)
    assert report.lines[0].spent == Total(Decimal((hours["month"] + 24) * 2))
    for rows in report.groups.values():
        assert sum((total for _, total in rows), Total()) == report.month


def test_the_days_of_a_report_end_with_today_and_leave_none_out(tracker) -> None:
    report = make_report(tracker, inventory())
    dates = [day for day, _ in report.days]
    assert dates == [f"{NOON - timedelta(days=29 - n):%Y-%m-%d}" for n in range(30)]
    assert report.days[-1][1] == report.today


def test_what_runctl_did_not_make_is_shown_when_asked_and_never_counted(tracker) -> None:
    theirs = evolve(MACHINE, id="i-2", managed=False)
    there = inventory(item(MACHINE), Item(theirs, last_seen=NOON))
    assert len(make_report(tracker, there).lines) == 1
    every = make_report(tracker, there, every=True)
    assert (len(every.lines), every.now) == (2, Burn(Decimal(2), resources=1))


def test_an_unknown_price_comes_first_is_empty_and_is_counted(tracker) -> None:
    secretive = evolve(MACHINE, id="i-3", price=UNKNOWN_PRICE)
    there = inventory(item(MACHINE), item(secretive))
    report = make_report(tracker, there)
    first = cells(to_csv(report))[0]
    assert (first["resource"], first["hourly_usd"], first["monthly_usd"]) == ("i-3", "", "")
    assert to_document(report)["hourly_unknown_resources"] == 1


def test_a_provider_that_did_not_answer_is_in_every_format_that_can_say_it(tracker) -> None:
    report = make_report(tracker, inventory(cloud=ProviderUnavailable("it hangs")))
    (unanswered,) = to_document(report)["unanswered"]
    assert (unanswered["provider"], unanswered["why"]) == ("cloud", "it hangs")
    assert "it hangs" in to_html(report)


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "\uff1d1", "\uff20a"]
)
def test_a_cell_that_looks_like_a_formula_is_text_for_a_spreadsheet(text: str) -> None:
    (row,) = cells(to_csv(bare(evolve(MACHINE, name=text))))
    assert row["name"] == f"'{text}"


@given(name=st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40))
def test_a_name_survives_the_table_but_for_the_apostrophe(name: str) -> None:
    (row,) = cells(to_csv(bare(evolve(MACHINE, name=name))))
    assert row["name"] in (name, f"'{name}")


@given(text=st.text(max_size=40).map(lambda text: f"'\"><script>{text}</script><img src=x>"))
def test_no_text_opens_a_tag_on_the_page(text: str) -> None:
    page = to_html(bare(evolve(MACHINE, name=text, tags={"runctl:owner": text})))
    assert tags_of(page) == tags_of(to_html(bare(MACHINE))), "the page has its own tags and no other"


def test_a_price_is_written_without_an_exponent() -> None:
    (row,) = cells(to_csv(bare(evolve(MACHINE, price=Price(Decimal("1E+3"))))))
    assert (row["hourly_usd"], row["monthly_usd"]) == ("1000", "730000")
