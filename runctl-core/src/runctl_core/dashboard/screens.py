"""What opens above the dashboard: the keys, facts, a question, a whole log."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Static

from runctl_core.dashboard.glyphs import Glyphs
from runctl_core.dashboard.text_pane import TextPane
from runctl_core.words import visible


class Page(ModalScreen[bool]):
    """Text on the whole screen, with what can be pressed below it.

    Args:
        title: The first line.
        lines: The text. Long lines are broken; what does not fit can be scrolled to.
        glyphs: The signs to draw with.
        answers: The last line.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,question_mark", "close")]

    def __init__(
        self, title: str, lines: Sequence[str], glyphs: Glyphs, *, answers: str = "escape closes"
    ) -> None:
        super().__init__()
        self._title = title
        self._lines = [visible(line) for line in lines]
        self._pane = TextPane(glyphs, id="page", follows=False)
        self._answers = answers

    def compose(self) -> ComposeResult:
        """The text, there from the first picture on, and the answers."""
        self._fill(self.app.size.width)
        yield self._pane
        yield Static(self._answers, classes="answers", markup=False)

    def on_resize(self, event: Resize) -> None:
        """Break the lines where the screen ends now."""
        self._fill(event.size.width)

    def _fill(self, width: int) -> None:
        self._pane.fill(self._title, broken(self._lines, width - 2), same=True)

    def action_close(self) -> None:
        """Close it; as an answer, no."""
        self.dismiss(False)


class Question(Page):
    """A page that only y agrees to."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "agree"), Binding("n", "close")]

    def __init__(self, title: str, lines: Sequence[str], glyphs: Glyphs) -> None:
        super().__init__(title, lines, glyphs, answers="y: yes, do it     n, escape: no")

    def action_agree(self) -> None:
        """Yes."""
        self.dismiss(True)


class WholeLog(ModalScreen[None]):
    """A log on the whole screen.

    Args:
        pane: The pane that shows it; the dashboard goes on filling it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,l,enter", "close")]

    def __init__(self, pane: TextPane) -> None:
        super().__init__()
        self.pane = pane

    def compose(self) -> ComposeResult:
        """The log, and its keys."""
        yield self.pane
        yield Static("escape back  up down left right  g begin  G end, and follow", markup=False)

    def action_close(self) -> None:
        """Back to the dashboard."""
        self.dismiss(None)


def broken(lines: Sequence[str], width: int) -> list[str]:
    """The lines, each broken into as many as it needs; what goes on is indented."""
    return [
        f"  {piece}"
        for line in lines
        for piece in textwrap.wrap(line, max(20, width), subsequent_indent="    ", break_on_hyphens=False)
        or [""]
    ]


def pairs(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Names and values, a line each."""
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{name.ljust(width)}  {text}" for name, text in rows]
