"""Everything that a command prints: one JSON writer, one table renderer, one way to ask.

Results go to standard output, everything else to standard error. Piped tables are tab-separated,
without header. Control characters in values are made visible, so that a hostile name cannot move the
cursor or break a row.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Container, Iterable, Sequence
from typing import Any, TextIO

from runctl_core.errors import Refused
from runctl_core.words import age, cost, count, duration, hourly, per_hour, size, visible

__all__ = [
    "Progress",
    "age",
    "claim_stdout",
    "confirm",
    "cost",
    "count",
    "drop_results",
    "duration",
    "has_colours",
    "hourly",
    "in_json",
    "lines",
    "note",
    "notes",
    "pairs",
    "per_hour",
    "print_json",
    "print_text",
    "release_stdout",
    "results",
    "size",
    "table",
    "visible",
]

_results: TextIO | None = None


def claim_stdout() -> None:
    """Keep standard output for results.

    What plugins, libraries and the programs that they start write to it goes to standard error.
    """
    global _results
    stdout = sys.stdout
    stdout.flush()
    # What standard output cannot encode is written out, so that a strange name stops no list.
    _results = os.fdopen(os.dup(1), "w", encoding=stdout.encoding, errors="backslashreplace")
    os.dup2(2, 1)
    sys.stdout = sys.stderr


def release_stdout() -> None:
    """Give standard output back, to a program or a plugin's command group that prints results itself."""
    global _results
    if _results is not None:
        _results.flush()
        os.dup2(_results.fileno(), 1)
        sys.stdout, _results = _results, None


def drop_results() -> None:
    """Throw away what standard output did not take, so that the interpreter's end stays quiet."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), results().fileno())


def results() -> TextIO:
    """The stream that results go to: standard output."""
    return _results or sys.stdout


def print_json(document: Any) -> None:
    """One JSON document on standard output; money as text, moments in UTC."""
    results().write(in_json(document))
    results().flush()


def in_json(document: Any) -> str:
    """A document as `print_json` prints it.

    On a terminal it is indented. Elsewhere it is not: that takes three times as long.
    """
    import json

    out = results()
    indent = 2 if out.isatty() else None
    text = json.dumps(document, indent=indent, default=_plain, ensure_ascii=False)
    if out.encoding.lower() != "utf-8" or not _is_encodable(text):
        text = json.dumps(document, indent=indent, default=_plain)
    return text + "\n"


def print_text(text: str) -> None:
    """Text as it is, on standard output: a file's content that was not given a name."""
    results().write(text)


def _is_encodable(text: str) -> bool:
    """Whether UTF-8 has it; a file's name that is no text of its time is read as half characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(value: Any) -> Any:
    from datetime import datetime

    from runctl_core.clock import iso

    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    empty: str,
    less_wanted: Sequence[str] = (),
    red: Container[int] = (),
) -> None:
    """A table on standard output, as wide as the terminal; piped, every column, separated by tabs.

    Args:
        columns: Names of the columns. The first one identifies the row and is never cut.
        rows: The cells.
        empty: What standard error says when there are no rows.
        less_wanted: Columns to leave out one after the other on a narrow terminal.
        red: The numbers of rows that a terminal with colours shows in red; their text says it too.
    """
    shown = [[visible(str(cell)) for cell in row] for row in rows]
    if not shown:
        note(empty)
        return
    out = results()
    if not out.isatty():
        out.write("".join("\t".join(row) + "\n" for row in shown))
        return
    filled = [column for column in zip(columns, *shown, strict=True) if any(cell for cell in column[1:])]
    kept = _kept(filled, less_wanted, _width(out))
    widths = _fitting(kept, _width(out), _NARROWEST)
    coloured = has_colours(out)
    for number, row in enumerate(zip(*kept, strict=True), start=-1):
        cells = (_cut(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True))
        line = "  ".join(cells).rstrip()
        out.write((f"\033[31m{line}\033[0m" if coloured and number in red else line) + "\n")


def has_colours(out: TextIO) -> bool:
    """Whether a stream is a terminal that shows colours, and the user wants them."""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


_READABLE, _NARROWEST = 14, 8


def _kept(columns: list[tuple[str, ...]], less_wanted: Sequence[str], room: int) -> list[tuple[str, ...]]:
    """The columns without those that are not wanted enough, until the others can be read."""
    for name in less_wanted:
        if _total(_fitting(columns, room, _READABLE)) <= room:
            break
        columns = [column for column in columns if column[0] != name]
    return columns


def _fitting(columns: Sequence[tuple[str, ...]], room: int, least: int) -> list[int]:
    """The widest columns but the first give way. Money never does: half a figure is another figure."""
    widths = [_natural(column) for column in columns]
    money = [any(cell.startswith(("$", "~$")) for cell in column) for column in columns]
    soft = [number for number in range(1, len(columns)) if not money[number]]
    while _total(widths) > room and max((widths[number] for number in soft), default=0) > least:
        widths[max(soft, key=widths.__getitem__)] -= 1
    return widths


def _natural(column: Sequence[str]) -> int:
    return max(map(len, column))


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _cut(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    # Of a path, the end tells which one it is.
    return "…" + text[1 - width :] if os.path.isabs(text) else text[: width - 1] + "…"


def _width(out: TextIO) -> int:
    return os.get_terminal_size(out.fileno()).columns or 80


def pairs(rows: Iterable[tuple[str, Any]]) -> None:
    """Names and values, a line each, on standard output."""
    lines(_aligned(rows))


def notes(rows: Iterable[tuple[str, Any]]) -> None:
    """Names and values, a line each and indented, on standard error."""
    for line in _aligned(rows):
        note(f"  {line}")


def _aligned(rows: Iterable[tuple[str, Any]]) -> list[str]:
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{name.ljust(width)}  {visible(str(value))}".rstrip() for name, value in rows]


def lines(texts: Iterable[str]) -> None:
    """Lines on standard output."""
    for text in texts:
        results().write(visible(text) + "\n")


def note(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write("\n".join(visible(line) for line in text.split("\n")) + "\n")
    sys.stderr.flush()


def confirm(question: str, *, yes: bool) -> None:
    """Go on only when the user agrees.

    Raises:
        Refused: They do not, or nobody can be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused("this needs a yes", why=question, fix="--yes")
    sys.stderr.write(f"{visible(question)} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Refused("nothing was done, as you wished")


class Progress:
    """A line with rate and remaining time on a terminal; nothing anywhere else.

    Args:
        what: What is being done.
        total: How much there is, in bytes; or how many, with a noun.
        noun: What is counted, in the singular; empty for bytes.
    """

    def __init__(self, what: str, total: int, noun: str = "") -> None:
        from runctl_core.meter import Meter

        self._meter = Meter(what, total, noun, every_s=0.1) if sys.stderr.isatty() else None
        self._shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()

    def advance(self, more: int) -> None:
        """Say that so much more is done."""
        if self._meter is not None and (line := self._meter.advance(more)):
            self._shown = True
            sys.stderr.write(f"\r\033[K{line[: _width(sys.stderr) - 1]}")
            sys.stderr.flush()
