"""`runctl cost`: whose money, from when to when, and what goes on costing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import priced_books
from homes import Home
from runctl_core.tracking import ResourceTracker


def _rows(home: Home, *words: str) -> list[list[str]]:
    done = home.runctl("cost", *words)
    assert done.returncode == 0, done.stderr.decode()
    return [line.split("\t") for line in done.stdout.decode().splitlines()]


def test_the_dearest_comes_first_with_what_is_paid_now_and_a_total(home: Home) -> None:
    priced_books.record(home, "small", "0.5")
    priced_books.record(home, "large", "4")
    priced_books.record(home, "ended", "10", hours=0.05)
    ResourceTracker(str(home.state / "state.db")).mark_gone("cloud", "ended", end_seen=True)
    done = home.runctl("cost", "--by", "project")
    assert done.stdout.decode().splitlines() == [
        "large\t$8.00\t$4.00/h",
        "small\t$1.00\t$0.50/h",
        "ended\t$0.50\t",
    ]
    assert done.stderr == b"total $9.50, $4.50/h now\n"


def test_an_estimate_and_an_unknown_price_are_marked(home: Home) -> None:
    priced_books.record(home, "listed", "1", estimated=True)
    priced_books.record(home, "secret", None)
    assert _rows(home, "--by", "project") == [
        ["listed", "~$2.00", "~$1.00/h"],
        ["secret", "$0.00 and 1 of unknown price", "$0.00/h +1 unknown"],
    ]
    document = home.json("cost", "--by", "project")
    assert 2 <= float(document["cost_estimated_usd"]) == float(document["cost_usd"])
    assert document["hourly_estimated_usd"] == "1"


def test_days_come_in_their_order_and_one_unknown_over_all_of_them_is_one(home: Home) -> None:
    priced_books.record(home, "m", "1", hours=49)
    priced_books.record(home, "n", None, hours=49)
    rows = _rows(home, "--by", "day")
    assert len(rows) in (3, 4)
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert rows[1][1] == "$24.00 and 1 of unknown price"
    assert home.json("cost", "--by", "day")["cost_unknown_resources"] == 1


def test_an_age_cuts_what_is_older(home: Home) -> None:
    priced_books.record(home, "m", "1", hours=48)
    assert _rows(home, "--by", "resource", "--since", "12h") == [["cloud/m", "$12.00", "$1.00/h"]]
    assert _rows(home, "--by", "resource", "--since", "2d", "--until", "1d")[0][1] == "$24.00"


def test_a_day_begins_at_midnight_in_utc(home: Home) -> None:
    priced_books.record(home, "m", "1", hours=72)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    day = f"{yesterday:%Y-%m-%d}"
    for zone in ("Pacific/Auckland", "America/Los_Angeles"):
        home.env["TZ"] = zone
        found = home.json("cost", "--since", day, "--until", f"{yesterday + timedelta(days=1):%Y-%m-%d}")
        assert found["cost_usd"] == "24", f"a whole day, wherever its user lives: {zone}"


def test_what_is_neither_a_day_nor_an_age_is_refused_with_both(home: Home) -> None:
    for words in (("--since", "yesterday"), ("--until", "7x"), ("--since", "2026-13-01")):
        done = home.runctl("cost", *words)
        assert done.returncode == 101
        assert b"a day is written 2026-11-01, an age 30m, 12h, 7d or 2w" in done.stderr


def test_one_run_is_shown_by_what_was_made_for_it(home: Home) -> None:
    home.write("s.py", "print(1)")
    for _ in range(2):
        assert home.runctl("train", "s.py").returncode == 0
    (row,) = _rows(home, "latest", "--by", "resource")
    run = home.json("status", "latest")
    assert row == [f"local/{run['resource']}", "$0.00", ""]
    assert _rows(home, run["run"]) == [[run["run"], "$0.00", ""]]


def test_the_rows_of_what_goes_on_add_up_to_the_total(home: Home) -> None:
    for name in "abc":
        priced_books.record(home, name, "86.4", hours=30)
    for by in ("resource", "day", "month", "provider"):
        document = home.json("cost", "--by", by)
        assert sum(Decimal(row["cost_usd"]) for row in document["rows"]) == Decimal(document["cost_usd"])


def test_nothing_of_the_future_was_spent_yet(home: Home) -> None:
    priced_books.record(home, "m", "1", hours=2)
    tomorrow = datetime.now(UTC) + timedelta(days=2)
    assert _rows(home, "--by", "resource", "--until", f"{tomorrow:%Y-%m-%d}")[0][1] == "$2.00"
