"""Lines that can be scrolled: a log, of which the end is shown, or a page, which begins at its top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widget import Widget

from runctl_core.dashboard.glyphs import Glyphs
from runctl_core.dashboard.grid import FOCUSED, HEADING
from runctl_core.words import visible

_SIDEWAYS = 20


class TextPane(Widget, can_focus=True):
    """Lines under a heading, of which only those on the screen are ever drawn.

    Args:
        glyphs: The signs to draw with.
        id: The widget's.
        follows: Whether the end is shown, and goes on being shown while lines are added.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_lines(-1)"),
        Binding("down,j", "scroll_lines(1)"),
        Binding("pageup", "scroll_pages(-1)"),
        Binding("pagedown,space", "scroll_pages(1)"),
        Binding("home,g", "scroll_lines(-1000000)"),
        Binding("end,G", "scroll_lines(1000000)"),
        Binding("left,h", "scroll_sideways(-1)"),
        Binding("right", "scroll_sideways(1)"),
    ]

    def __init__(self, glyphs: Glyphs, *, id: str, follows: bool = True) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._title = ""
        self._lines: Sequence[str] = ()
        self._follows = follows
        self._first: int | None = None if follows else 0
        self._left = 0

    def fill(self, title: str, lines: Sequence[str], *, same: bool) -> None:
        """Show these lines under a title.

        Args:
            title: Whose they are.
            lines: All of them.
            same: Whether they are of the log that was shown before; another one is shown at its end.
        """
        if not same:
            self._first, self._left = None, 0
        self._title, self._lines = title, lines
        self.refresh()

    def copy(self, other: TextPane) -> None:
        """Show what another pane shows."""
        self._title, self._lines = other._title, other._lines
        self.refresh()

    @property
    def _height(self) -> int:
        return max(1, self.size.height - 1)

    @property
    def _end(self) -> int:
        return max(0, len(self._lines) - self._height)

    def action_scroll_lines(self, by: int) -> None:
        """Scroll by so many lines; at the end, follow again."""
        first = max(0, (self._end if self._first is None else self._first) + by)
        self._first = None if first >= self._end else first
        self.refresh()

    def action_scroll_pages(self, by: int) -> None:
        """Scroll by so many screens."""
        self.action_scroll_lines(by * max(1, self._height - 1))

    def action_scroll_sideways(self, by: int) -> None:
        """Show what is to the right of long lines, or go back."""
        self._left = max(0, self._left + by * _SIDEWAYS)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the widget."""
        width = self.size.width
        if y == 0:
            style = FOCUSED if self.has_focus else HEADING
            text = self._heading(width)
            return Strip([Segment(text, style)]).adjust_cell_length(width, style)
        first = self._end if self._first is None else min(self._first, self._end)
        index = first + y - 1
        text = self._lines[index] if index < len(self._lines) else ""
        line = Strip([Segment(text, Style())])
        if self._left == 0 and line.cell_length > width:
            return Strip([*line.crop(0, width - 1), Segment(self._glyphs.more, Style())], width)
        return line.crop(self._left, self._left + width).adjust_cell_length(width, Style())

    def _heading(self, width: int) -> str:
        place = ""
        if self._end and self._first is not None:
            keys = "G: follow" if self._follows else "space: more"
            place = f" (line {self._first + 1} of {len(self._lines)}, {keys})"
        text = self._glyphs.cut(f"  {visible(self._title)}{place} ", width)
        return text + self._glyphs.rule * max(0, width - len(text))
