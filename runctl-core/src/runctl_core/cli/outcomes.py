"""What became of things, each with its reasons: below it on a terminal, where a reason that is cut off
helps nobody, and as the last column elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runctl_core.cli import output

Outcome = tuple[tuple[str, ...], Sequence[str]]
"""The cells of a row, and its reasons."""


def show(outcomes: Iterable[Outcome], *, empty: str) -> None:
    """Print outcomes on standard output, or `empty` on standard error when there are none."""
    rows = [([output.visible(cell) for cell in cells], reasons) for cells, reasons in outcomes]
    if rows and output.results().isatty():
        widths = [max(map(len, column)) for column in zip(*(cells for cells, _ in rows), strict=True)]
        for cells, reasons in rows:
            line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
            output.lines([line.rstrip(), *(f"    {reason}" for reason in reasons)])
        return
    table = [(*cells, "; ".join(reasons)) for cells, reasons in rows]
    output.table([""] * (len(table[0]) if table else 0), table, empty=empty)
