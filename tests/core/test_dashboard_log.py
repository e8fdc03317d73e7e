"""What the dashboard shows of a log: its end, in lines that can do nothing to a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_core.dashboard import inert
from runctl_core.dashboard.log_tail import KEPT_LINES, PIECE_BYTES, LogTail


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"plain\nlines\n", ["plain", "lines"]),
        (b"no end yet", ["no end yet"]),
        (b"\x1b[1;31mred\x1b[0m\x1b[K\n", ["red"]),
        (b"\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link\n", ["textlink"]),
        (b"10%\r55%\r100%\r\n", ["100%"]),
        (b"a\tb\n", ["a       b"]),
        (b"bell\x07 back\x08 escape\x1b\n", ["bell\\x07 back\\x08 escape\\x1b"]),
        ("right-to-left \u202e\n".encode(), ["right-to-left \\u202e"]),
        (b"\xff\xfe\n", ["\ufffd\ufffd"]),
        (b"", []),
        (b"\n\n", ["", ""]),
    ],
)
def test_a_log_is_shown_as_a_terminal_would_leave_it(data: bytes, lines: list[str]) -> None:
    assert inert.lines(data) == lines


@given(st.binary(max_size=300))
def test_no_byte_of_a_log_reaches_the_terminal_as_a_control_character(data: bytes) -> None:
    assert all(line.isprintable() for line in inert.lines(data))


def test_a_line_without_end_costs_no_more_than_what_is_kept_of_it() -> None:
    (line,) = inert.lines(b"x" * 10_000_000)
    assert len(line) == inert.LONGEST


class Log:
    """A log that grows, and how much of it was read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.read_bytes = 0

    def read(self, offset: int, limit: int) -> bytes:
        piece = self.data[offset : offset + limit]
        self.read_bytes += len(piece)
        return piece

    def tail(self) -> LogTail:
        return LogTail(self.read, lambda: len(self.data))


def test_a_log_that_grows_is_shown_with_its_unfinished_last_line() -> None:
    log = Log(b"one\ntw")
    tail = log.tail()
    assert tail.grown()
    assert tail.lines() == ("one", "tw")
    log.data += b"o\nthree\n"
    assert tail.grown()
    assert tail.lines() == ("one", "two", "three")
    assert not tail.grown()
    assert not tail.cut


def test_of_a_large_log_only_the_end_is_read() -> None:
    log = Log(b"".join(b"line %d\n" % number for number in range(1_000_000)))
    tail = log.tail()
    while tail.grown():
        continue
    assert tail.lines()[-1] == "line 999999"
    assert log.read_bytes <= 2 * PIECE_BYTES, "a large log is read from its beginning"
    assert tail.cut


def test_a_log_that_grows_faster_than_it_is_read_is_taken_up_at_its_end() -> None:
    log = Log(b"first\n")
    tail = log.tail()
    tail.grown()
    log.data += b"".join(b"line %d\n" % number for number in range(1_000_000))
    for _ in range(4):
        tail.grown()
    assert tail.lines()[-1] == "line 999999"
    assert tail.cut


def test_no_more_lines_are_kept_than_promised() -> None:
    log = Log(b"")
    tail = log.tail()
    for _ in range(3):
        log.data += b"\n" * KEPT_LINES
        tail.grown()
    assert len(tail.lines()) == KEPT_LINES
    assert tail.cut
