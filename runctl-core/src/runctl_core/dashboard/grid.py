"""A table of which only what is on the screen is ever formatted: as quick with 10,000 rows as with ten."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from runctl_core import words
from runctl_core.dashboard.columns import GAP, Column, fitting
from runctl_core.dashboard.glyphs import Glyphs
from runctl_core.dashboard.rows import Tone

R = TypeVar("R")

_MARK = 2
TONES = {
    Tone.PLAIN: Style(),
    Tone.GOOD: Style(color="green"),
    Tone.DIM: Style(dim=True),
    Tone.WARN: Style(color="yellow"),
    Tone.BAD: Style(color="red", bold=True),
}
HEADING = Style(bold=True)
FOCUSED = Style(bold=True, reverse=True)


class Grid(Widget, Generic[R], can_focus=True):
    """Rows under a heading, with a cursor that stays on its row when the rows change.

    Args:
        id: The widget's.
        key: Tells a row from all others.
        tone: What a row's colour says.
        glyphs: The signs to draw with.
        holds: Whether the cursor stays on its row from the beginning; else once it was moved.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)"),
        Binding("down,j", "move(1)"),
        Binding("pageup", "page(-1)"),
        Binding("pagedown,space", "page(1)"),
        Binding("home,g", "move(-1000000)"),
        Binding("end,G", "move(1000000)"),
    ]

    class Moved(Message):
        """The cursor is on another row."""

    def __init__(
        self,
        id: str,
        key: Callable[[R], str],
        tone: Callable[[R], Tone],
        glyphs: Glyphs,
        *,
        holds: bool,
    ) -> None:
        super().__init__(id=id)
        self._key = key
        self._tone = tone
        self._empty = ""
        self._glyphs = glyphs
        self._rows: Sequence[R] = ()
        self._columns: Sequence[Column[R]] = ()
        self._cursor = 0
        self._top = 0
        self._holds = holds

    @property
    def chosen(self) -> R | None:
        """The row that the cursor is on."""
        return self._rows[self._cursor] if self._rows else None

    def fill(self, rows: Sequence[R], columns: Sequence[Column[R]], *, empty: str) -> None:
        """Show these rows, or say `empty`. A cursor that holds stays on its row, or at its height."""
        before = self.chosen if self._holds else None
        self._rows, self._columns, self._empty = rows, columns, empty
        if before is not None:
            key = self._key(before)
            self._cursor = next((n for n, row in enumerate(rows) if self._key(row) == key), self._cursor)
        self._cursor = max(0, min(self._cursor, len(rows) - 1))
        self.refresh()

    def action_move(self, by: int) -> None:
        """Move the cursor by so many rows."""
        self._holds = True
        self._cursor = max(0, min(self._cursor + by, len(self._rows) - 1))
        self.refresh()
        self.post_message(self.Moved())

    def action_page(self, by: int) -> None:
        """Move the cursor by so many screens."""
        self.action_move(by * max(1, self.size.height - 2))

    def render_line(self, y: int) -> Strip:
        """One line of the widget."""
        width = self.size.width
        columns = fitting(self._columns, width - _MARK)
        if y == 0:
            return self._heading(columns, width)
        if not self._rows:
            return _strip(f"  {self._empty}" if y == 1 else "", TONES[Tone.DIM], width)
        self._keep_in_sight()
        index = self._top + y - 1
        if index >= len(self._rows):
            return Strip.blank(width)
        return self._line(index, columns, width)

    def _keep_in_sight(self) -> None:
        height = max(1, self.size.height - 1)
        self._top = max(self._cursor - height + 1, min(self._top, self._cursor))
        self._top = max(0, min(self._top, len(self._rows) - height))

    def _heading(self, columns: Sequence[tuple[Column[R], int]], width: int) -> Strip:
        titles = [_cell(column.title, size, column.right) for column, size in columns]
        if titles:
            titles[0] = _cell(f"{columns[0][0].title}S {self._place()}", columns[0][1], False)
        return _strip(" " * _MARK + (" " * GAP).join(titles), FOCUSED if self.has_focus else HEADING, width)

    def _place(self) -> str:
        count, height = len(self._rows), max(1, self.size.height - 1)
        return f"{count}" if count <= height else f"{self._cursor + 1}/{count}"

    def _line(self, index: int, columns: Sequence[tuple[Column[R], int]], width: int) -> Strip:
        row, on = self._rows[index], index == self._cursor
        cells = [
            _cell(self._cut(words.visible(column.text(row)), size), size, column.right)
            for column, size in columns
        ]
        style = TONES[self._tone(row)]
        if on and self.has_focus:
            style += Style(reverse=True)
        return _strip(("> " if on else "  ") + (" " * GAP).join(cells), style, width)

    def _cut(self, text: str, size: int) -> str:
        if cell_len(text) <= size:
            return text
        return set_cell_size(text, size - 1).rstrip() + self._glyphs.more


def _cell(text: str, size: int, right: bool) -> str:
    return " " * (size - cell_len(text)) + text if right else set_cell_size(text, size)


def _strip(text: str, style: Style, width: int) -> Strip:
    return Strip([Segment(set_cell_size(text, width), style)], width)
