"""The screen of `runctl top`: it shows what the threads tell, and asks before it acts.

Nothing in here waits: not for a provider, not for the books. Only the threads of `gathering` and
`acts` do.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any, ClassVar

from attrs import evolve
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from runctl_core.dashboard import keys, screens, sentences, terminal
from runctl_core.dashboard.acts import Acts, Notes
from runctl_core.dashboard.gathering import Gatherer
from runctl_core.dashboard.glyphs import Glyphs
from runctl_core.dashboard.panes import Panes
from runctl_core.dashboard.rows import View
from runctl_core.dashboard.snapshot import News, Note, Proposal, Snapshot
from runctl_core.dashboard.sources import Sources
from runctl_core.dashboard.text_pane import TextPane
from runctl_core.models.runs import Run
from runctl_core.words import visible

_NOTE_S = 15.0
"""Seconds that a note stays on the screen."""


class Told(Message):
    """Something new from a thread."""

    def __init__(self, news: News) -> None:
        super().__init__()
        self.news = news


class Dashboard(App[None]):
    """The dashboard.

    Args:
        sources: Where everything comes from.
        glyphs: The signs that the terminal can show.

    Attributes:
        fault: An exception of runctl's own that ended it.
        ended_by: The number of the signal that ended it.
        acts: What was begun, and may not be done yet.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS_PATH = "dashboard.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "quit", priority=True),
        Binding("ctrl+z", "suspend_process", priority=True),
        Binding("q", "quit"),
        Binding("question_mark", "keys"),
        Binding("slash", "filter"),
        Binding("escape", "unfilter"),
        Binding("o", "order"),
        Binding("a", "everything"),
        Binding("r", "refresh"),
        Binding("enter", "facts"),
        Binding("l", "log"),
        Binding("s", "stop"),
        Binding("p", "pull"),
        Binding("c", "cleanup"),
    ]

    def __init__(self, sources: Sources, glyphs: Glyphs) -> None:
        super().__init__(ansi_color=True)
        self._sources = sources
        self._glyphs = glyphs
        self._gatherer = Gatherer(sources, self._tell)
        self._view = View(Snapshot(sources.clock()), sources.owner)
        self._panes = Panes(glyphs)
        self._whole_log: screens.WholeLog | None = None
        self._note_timer: Timer | None = None
        sources.engine.reporter = Notes(self._tell)
        self.acts = Acts(sources, self._tell, self._gatherer.refresh)
        self.fault: Exception | None = None
        self.ended_by: int | None = None

    def _tell(self, news: News) -> None:
        self.post_message(Told(news))

    def compose(self) -> ComposeResult:
        """The head, the panes, and the keys."""
        yield Static(id="head", markup=False)
        yield self._panes
        yield Static(id="note", markup=False)
        yield Input(placeholder="show only rows with this text", id="filter")
        yield Static(keys.LINE, id="keys", markup=False)

    def on_mount(self) -> None:
        """Begin to gather."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._end_by, number)
        self.screen.set_focus(self._panes.runs)
        self.app_resume_signal.subscribe(self, self._draw_again)
        self._gatherer.start()
        self.set_interval(1.0, self._show_head)

    def _draw_again(self, _: object) -> None:
        """After `fg`, the terminal has nothing of the picture any more."""
        self.refresh(layout=True)

    def _end_by(self, number: int) -> None:
        self.ended_by = number
        terminal.end_all_the_same(128 + number)
        self.exit()

    def _handle_exception(self, error: Exception) -> None:
        """Keep the fault for the command line, which shows every error once and in a line."""
        self.fault = self.fault or error
        super()._handle_exception(error)
        self._exit_renderables.clear()

    # what is shown

    def on_told(self, told: Told) -> None:
        """Show what a thread told."""
        news = told.news
        if isinstance(news, Exception):
            self.fault = news
            self.exit()
        elif isinstance(news, Note):
            self._note(news)
        elif isinstance(news, Proposal):
            self._ask(news)
        elif isinstance(news, Snapshot):
            self._look(snapshot=news)
        else:
            self._panes.show_watched(news, self._sources.clock())
            if self._whole_log is not None:
                self._whole_log.pane.copy(self._panes.log_pane)

    def on_grid_moved(self) -> None:
        """Watch the run that the cursor is on now."""
        self._gatherer.watch(self._panes.runs.chosen)

    def _look(self, **fields: Any) -> None:
        """Show the tables with other choices, or of another snapshot."""
        self._view = evolve(self._view, **fields)
        self._panes.show(self._view)
        self._show_head()
        self._gatherer.watch(self._panes.runs.chosen)

    def _show_head(self) -> None:
        snapshot, dot, width = self._view.snapshot, self._glyphs.dot, self.size.width - 3
        lines = [
            sentences.money(snapshot, self._sources.owner, dot, width=width),
            sentences.providers(snapshot, self._sources.clock(), dot),
        ]
        if snapshot.problem:
            lines[0] = f"! the books: {snapshot.problem}"
        self._say("#head", *(f"  {self._glyphs.cut(visible(line), width)}" for line in lines))

    def _note(self, note: Note) -> None:
        line = self._say("#note", visible(note.text))
        line.set_class(note.bad, "bad")
        line.display = True
        if self._note_timer is not None:
            self._note_timer.stop()
        self._note_timer = None if note.lasts else self.set_timer(_NOTE_S, self._put_note_away)

    def _put_note_away(self) -> None:
        self._say("#note").display = False

    def _say(self, which: str, *lines: str) -> Static:
        """Change a line of the dashboard, also while a page is above it."""
        line = self.screen_stack[0].query_one(which, Static)
        line.update("\n".join(lines))
        return line

    # what the keys do

    def action_keys(self) -> None:
        """Show the keys."""
        self.push_screen(screens.Page("runctl top: keys", screens.pairs(keys.KEYS), self._glyphs))

    def action_filter(self) -> None:
        """Let a text be typed that rows must have."""
        box = self.query_one("#filter", Input)
        box.display = True
        # At once, and not by `focus()`, which comes a little later: what is typed next is text, no command.
        self.screen.set_focus(box)

    def on_input_changed(self, typed: Input.Changed) -> None:
        """Show only the rows that fit what is typed so far."""
        self._look(needle=typed.value)

    def on_input_submitted(self) -> None:
        """Back to the rows that fit."""
        self.screen.set_focus(self._panes.runs)

    def action_unfilter(self) -> None:
        """Show all rows again, and put the note away."""
        box = self.query_one("#filter", Input)
        box.value, box.display = "", False
        self._put_note_away()
        if self.focused is None or self.focused is box:
            self.screen.set_focus(self._panes.runs)

    def action_order(self) -> None:
        """Sort by something else."""
        order = self._view.order.following
        self._look(order=order)
        self._note(Note(f"sorted by {order}"))

    def action_everything(self) -> None:
        """Show what is left out, or leave it out again."""
        everything = not self._view.everything
        self._look(everything=everything)
        self._note(Note("every run and resource" if everything else "live and recent runs, my resources"))

    def action_refresh(self) -> None:
        """Ask every provider now."""
        self._gatherer.refresh()
        self._note(Note("asking every provider"))

    def action_facts(self) -> None:
        """Show everything about what is selected."""
        panes, snapshot = self._panes, self._view.snapshot
        run, item = panes.runs.chosen, panes.items.chosen
        if self.focused is panes.items and item is not None:
            facts = sentences.facts_of_item(item, snapshot)
            self.push_screen(screens.Page(item.key, screens.pairs(facts), self._glyphs))
        elif run is not None:
            facts = sentences.facts_of_run(run, snapshot, panes.watched)
            self.push_screen(screens.Page(run.id, screens.pairs(facts), self._glyphs))

    def action_log(self) -> None:
        """Show the log on the whole screen."""
        pane = TextPane(self._glyphs, id="whole-log")
        pane.copy(self._panes.log_pane)
        self._whole_log = screens.WholeLog(pane)
        self.push_screen(self._whole_log, self._log_closed)

    def _log_closed(self, _: None) -> None:
        self._whole_log = None

    def action_stop(self) -> None:
        """Propose to stop the selected run."""
        run = self._selected_run()
        if run is None or run.state.over:
            self._note(Note("no live run is selected", bad=True))
        else:
            self.acts.propose_stop(run)

    def action_pull(self) -> None:
        """Propose to copy the results of the selected run."""
        run = self._selected_run()
        if run is None:
            self._note(Note("no run is selected", bad=True))
        else:
            self.acts.propose_pull(run)

    def _selected_run(self) -> Run | None:
        """The run that the cursor is on, or that the resource under it is for."""
        panes = self._panes
        if self.focused is not panes.items:
            return panes.runs.chosen
        return panes.items.chosen.run if panes.items.chosen is not None else None

    def action_cleanup(self) -> None:
        """Propose to delete what no live run needs."""
        self._note(Note("asking every provider what there is to clean up ...", lasts=True))
        self.acts.propose_cleanup()

    def _ask(self, proposal: Proposal) -> None:
        self._put_note_away()
        if isinstance(self.screen, screens.Question):
            return  # one question at a time
        if proposal.act is None:
            self.push_screen(screens.Page(proposal.question, proposal.lines, self._glyphs))
            return
        act = proposal.act
        question = screens.Question(proposal.question, proposal.lines, self._glyphs)
        self.push_screen(question, lambda yes: act() if yes else None)
