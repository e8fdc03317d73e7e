"""The two tables, and beside or below them the selected run: its usage and its log."""

from __future__ import annotations

from datetime import datetime

from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.widgets import Static

from runctl_core.dashboard import sentences
from runctl_core.dashboard.glyphs import Glyphs
from runctl_core.dashboard.grid import Grid
from runctl_core.dashboard.rows import View, item_columns, item_tone, run_columns, run_tone
from runctl_core.dashboard.snapshot import Watched
from runctl_core.dashboard.text_pane import TextPane
from runctl_core.inventory import Item
from runctl_core.models.runs import Run
from runctl_core.words import visible

_WIDE = 140
"""From this width on, the log stands beside the tables."""


class Panes(Container):
    """Everything between the head and the keys.

    Args:
        glyphs: The signs to draw with.

    Attributes:
        runs: The table of runs.
        items: The table of resources.
        log_pane: The log of the selected run.
        watched: The selected run, as it was last seen.
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="panes")
        self._glyphs = glyphs
        self.runs: Grid[Run] = Grid("runs", lambda run: run.id, run_tone, glyphs, holds=True)
        self.items: Grid[Item] = Grid("items", lambda item: item.key, item_tone, glyphs, holds=False)
        self.log_pane = TextPane(glyphs, id="log")
        self.watched = Watched()

    def compose(self) -> ComposeResult:
        """The tables, and the selected run."""
        with Container(id="tables"):
            yield self.runs
            yield self.items
        with Container(id="watched"):
            yield Static(id="usage", markup=False)
            yield self.log_pane

    def on_resize(self, event: Resize) -> None:
        """Put the log beside the tables where there is room."""
        self.set_class(event.size.width >= _WIDE, "wide")

    def show(self, view: View) -> None:
        """Show these rows; cursors stay where they are."""
        nothing = f"nothing fits {view.needle!r}: escape shows all" if view.needle else ""
        self.runs.fill(
            view.runs(), run_columns(view.snapshot), empty=nothing or "no run: runctl train SCRIPT starts one"
        )
        self.items.fill(view.items(), item_columns(view.snapshot), empty=nothing or "no resource")

    def show_watched(self, watched: Watched, at: datetime) -> None:
        """Show what was seen of the selected run; of any other one, nothing."""
        run = self.runs.chosen
        if watched.run_id != ("" if run is None else run.id):
            return
        same = watched.run_id == self.watched.run_id
        self.watched = watched
        width = self.log_pane.size.width
        lines = [] if run is None else [sentences.usage(run, watched.usage, self._glyphs, width=width)]
        lines += [sentences.warned(warning) for warning in watched.warnings[:1]]
        shown = [f"  {self._glyphs.cut(visible(line), width - 3)}" for line in lines]
        self.query_one("#usage", Static).update("\n".join(shown))
        self.log_pane.fill(sentences.log_title(watched, at, self._glyphs.dot), watched.log, same=same)
