"""What commands print: tables that fit the terminal, plain rows when piped, values that break nothing."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_core.cli import output

COLUMNS = ("RUN", "NAME", "PROJECT", "STATE", "REASON")
ROWS = [
    ("brave-otter-41", "train.py", "mnist", "succeeded", ""),
    ("keen-tern-18", "a-script-with-a-long-name.py", "work", "failed", "killed by SIGKILL, out of memory"),
]


def _on_terminal(columns: int, print_it: Callable[[], None]) -> list[str]:
    """The lines that a real terminal of this width is sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    attributes = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    with pytest.MonkeyPatch.context() as patch, os.fdopen(theirs, "w") as terminal:
        patch.setattr(sys, "stdout", terminal)
        print_it()
        terminal.write("\0")
        terminal.flush()
        sent = b""
        while not sent.endswith(b"\0"):
            sent += os.read(ours, 1 << 16)
    os.close(ours)
    return sent[:-1].decode().splitlines()


def _table(columns: int, rows: Sequence[Sequence[str]]) -> list[str]:
    return _on_terminal(columns, lambda: output.table(COLUMNS, rows, empty="none", less_wanted=("PROJECT",)))


def test_a_wide_terminal_shows_everything_aligned() -> None:
    assert _table(120, ROWS) == [
        "RUN             NAME                          PROJECT  STATE      REASON",
        "brave-otter-41  train.py                      mnist    succeeded",
        "keen-tern-18    a-script-with-a-long-name.py  work     failed     killed by SIGKILL, out of memory",
    ]


def test_a_narrow_terminal_leaves_out_what_is_less_wanted_and_never_cuts_an_id() -> None:
    assert _table(60, ROWS) == [
        "RUN             NAME             STATE      REASON",
        "brave-otter-41  train.py         succeeded",
        "keen-tern-18    a-script-with-…  failed     killed by SIGKI…",
    ]


WORDS = st.text(st.characters(exclude_characters="$"), max_size=60)
"""Cells that may be cut: those of money may not."""


@given(
    columns=st.integers(60, 200),
    rows=st.lists(st.tuples(st.text("abc-", min_size=1, max_size=20), *[WORDS] * 4), min_size=1),
)
def test_no_line_is_wider_than_the_terminal(columns: int, rows: list[tuple[str, ...]]) -> None:
    lines = _table(columns, rows)
    assert len(lines) == len(rows) + 1
    assert max(map(len, lines)) <= columns
    for row, line in zip(rows, lines[1:], strict=True):
        assert line.startswith(row[0]), "an id was cut: nobody can copy it"


def test_a_narrow_terminal_cuts_words_and_never_money() -> None:
    rows = [("i-0a1b2c3d4e5f6a7b8", "~$12,345.67/h", "", "running", "its run is over: nobody needs it now")]
    shown = "\n".join(_table(54, rows))
    assert "~$12,345.67/h" in shown, "half a figure was shown, and read as another one"
    assert "…" in shown


def test_piped_rows_are_separated_by_tabs_and_have_every_column(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(COLUMNS, ROWS, empty="none", less_wanted=("PROJECT",))
    assert capsys.readouterr().out.splitlines() == ["\t".join(row) for row in ROWS]


def test_nothing_to_show_is_said_beside_the_results(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(COLUMNS, [], empty="no runs")
    assert capsys.readouterr() == ("", "no runs\n")


def test_a_hostile_value_moves_no_cursor_and_breaks_no_row(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(COLUMNS, [("a", "x\033[2J\ty\nz", "", "", "")], empty="none")
    assert capsys.readouterr().out == "a\tx\\x1b[2J\\ty\\nz\t\t\t\n"


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (output.cost(Decimal("1.239")), "$1.24"),
        (output.cost(Decimal("0.0004")), "$0.0004"),
        (output.cost("0", 2), "$0.00 and 2 of unknown price"),
        (output.hourly(None), "unknown price"),
        (output.hourly(Decimal(0)), "free"),
        (output.hourly(Decimal("2.5")), "$2.50/h"),
        (output.hourly(Decimal(40)), "$40.00/h"),
        (output.hourly(Decimal("0.01040")), "$0.0104/h"),
        (output.duration(None), "-"),
        (output.duration(0.04), "0.0 s"),
        (output.duration(9.97), "10 s"),
        (output.duration(59.9), "1 min 0 s"),
        (output.duration(3599.9), "1 h 0 min"),
        (output.duration(3725), "1 h 2 min"),
        (output.size(999), "999 B"),
        (output.size(1_500_000), "1.5 MB"),
        (output.count(1, "file"), "1 file"),
        (output.count(2, "process"), "2 processes"),
    ],
)
def test_amounts_are_said_in_a_persons_words(shown: str, wanted: str) -> None:
    assert shown == wanted
