"""What opens above the dashboard: the keys, facts, a question, a whole log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from runctl_core.dashboard.log_pane import LogPane
from runctl_core.words import visible


class Page(ModalScreen[bool]):
    """Text in a box, with what can be pressed below it.

    Args:
        title: The first line.
        lines: The text; what does not fit can be scrolled to.
        answers: The last line.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark", "close"),
        Binding("down,j", "scroll_box(1)"),
        Binding("up,k", "scroll_box(-1)"),
        Binding("pagedown,space", "scroll_box(10)"),
        Binding("pageup", "scroll_box(-10)"),
    ]

    def __init__(self, title: str, lines: Sequence[str], *, answers: str = "escape closes") -> None:
        super().__init__()
        self._title = title
        self._lines = lines
        self._answers = answers

    def compose(self) -> ComposeResult:
        """The box."""
        with VerticalScroll(id="box"):
            yield Static(visible(self._title), classes="title", markup=False)
            yield Static("\n".join(visible(line) for line in self._lines), markup=False)
        yield Static(self._answers, classes="answers", markup=False)

    def action_close(self) -> None:
        """Close it; as an answer, no."""
        self.dismiss(False)

    def action_scroll_box(self, by: int) -> None:
        """Scroll by so many lines."""
        self.query_one("#box", VerticalScroll).scroll_relative(y=by, animate=False)


class Question(Page):
    """A page that only y agrees to."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "agree"), Binding("n", "close")]

    def __init__(self, title: str, lines: Sequence[str]) -> None:
        super().__init__(title, lines, answers="y: yes, do it     n, escape: no")

    def action_agree(self) -> None:
        """Yes."""
        self.dismiss(True)


class WholeLog(ModalScreen[None]):
    """A log on the whole screen.

    Args:
        pane: The pane that shows it; the dashboard goes on filling it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,l,enter", "close")]

    def __init__(self, pane: LogPane) -> None:
        super().__init__()
        self.pane = pane

    def compose(self) -> ComposeResult:
        """The log, and its keys."""
        yield self.pane
        yield Static("escape back  up down left right  g begin  G end, and follow", markup=False)

    def action_close(self) -> None:
        """Back to the dashboard."""
        self.dismiss(None)


def pairs(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Names and values, a line each."""
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{name.ljust(width)}  {text}" for name, text in rows]
