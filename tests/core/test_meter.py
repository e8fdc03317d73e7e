"""How far something is, in one line."""

from __future__ import annotations

from runctl_core.meter import Meter


def test_a_line_says_the_share_the_rate_and_the_time_that_is_left() -> None:
    meter = Meter("copying", 4_000_000, every_s=0)
    meter.advance(1_000_000)
    line = meter.advance(1_000_000)
    assert line.startswith("copying 50 % of 4.0 MB, "), line
    assert line.endswith(" left")
    assert "B/s, " in line


def test_things_are_counted_by_their_noun() -> None:
    assert Meter("deleting", 4, "resource", every_s=0).advance(1).startswith("deleting 25 % of 4 resources, ")


def test_a_fresh_line_is_not_written_over_at_once() -> None:
    meter = Meter("copying", 10, every_s=3600)
    assert [bool(meter.advance(1)) for _ in range(3)] == [True, False, False]


def test_nothing_to_do_is_no_division_by_zero() -> None:
    assert "0 %" in Meter("verifying", 0, every_s=0).advance(0)
