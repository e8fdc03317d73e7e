"""What a person sees of a run: the script's bytes on standard output, everything else beside them."""

from __future__ import annotations

import os
import select
import sys
from typing import TYPE_CHECKING, Any

from runctl_core.cli import output
from runctl_core.training.reporter import Reporter

if TYPE_CHECKING:
    from runctl_core.cli.session import Session
    from runctl_core.models.resources import Offer, Resource
    from runctl_core.models.runs import Run
    from runctl_core.training.script import Launch


class TerminalReporter(Reporter):
    """Writes a run's log to standard output, byte for byte, and notes to standard error.

    Args:
        output_to_stderr: Keep standard output for a JSON document.
    """

    def __init__(self, *, output_to_stderr: bool = False) -> None:
        self._output = (sys.stderr if output_to_stderr else output.results()).fileno()
        self._progress: output.Progress | None = None
        self._sent_bytes = 0
        self._hangup = select.poll()
        self._hangup.register(self._output, 0)  # asks for nothing, and hears of a closed reader

    def log(self, data: bytes) -> None:
        """Write the script's bytes as they are, without a buffer of ours in between."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._output, view) :]

    def setup(self, data: bytes) -> None:
        """Show what set-up programs print beside the script's own output."""
        os.write(sys.stderr.fileno(), data)

    def passed_over(self, offer: Offer, reason: str) -> None:
        """Say why the next offer is tried."""
        output.note(f"{offer.name}: {reason}; trying the next one")

    def created(self, resource: Resource, deadline: str) -> None:
        """Say what was got, at what price, and how it ends."""
        price = output.hourly(resource.price.hourly_usd)
        output.note(f"{resource.run_id} on {resource.provider} {resource.instance_type}: {price}, {deadline}")

    def syncing(self, files: int, size_bytes: int) -> None:
        """Say how much code there is; what is sent of it follows."""
        output.note(f"bringing the code: {output.count(files, 'file')}, {output.size(size_bytes)}")

    def synced(self, done_bytes: int, total_bytes: int) -> None:
        """Show on a terminal how far the sending is."""
        if self._progress is None:
            self._progress = output.Progress("sending", total_bytes)
            self._sent_bytes = 0
            self._progress.__enter__()
        self._progress.advance(done_bytes - self._sent_bytes)
        self._sent_bytes = done_bytes

    def state(self, run: Run, detail: str) -> None:  # noqa: ARG002
        """End the line of progress with the phase that it was of."""
        if self._progress is not None:
            self._progress.__exit__(None, None, None)
            self._progress = None

    def quiet(self) -> None:
        """End the watching when nobody reads any more, as `head` does. Raises BrokenPipeError."""
        if any(event & (select.POLLERR | select.POLLHUP) for _, event in self._hangup.poll(0)):
            raise BrokenPipeError

    def detected(self, script: str, launch: Launch) -> None:
        """Say what the script was found to be, and what was looked for before."""
        output.note(f"{script}: {launch.chosen}")
        if launch.looked_for:
            output.note(f"  looked first for {', '.join(launch.looked_for)}")

    def following(self, run: Run) -> None:
        """Say on a terminal how to leave the run."""
        if sys.stderr.isatty():
            output.note(f"  Ctrl-C detaches, and {run.id} goes on")

    def note(self, text: str) -> None:
        """Show a line on standard error."""
        output.note(text)

    def detached(self, run: Run) -> None:
        """Say that the run goes on, and how to come back to it."""
        output.note(f"\ndetached; {run.id} goes on")
        output.notes([("come back", f"runctl attach {run.id}"), ("stop it", f"runctl stop {run.id}")])


def show_started(session: Session, run: Run, *, json: bool) -> None:
    """What `--detach` prints: the run's id on standard output, and how to come back."""
    if json:
        from runctl_core.training.receipt import current

        output.print_json(current(session.tracker, run, session.plan(run)))
        return
    output.lines([run.id])
    output.notes([("follow it", f"runctl attach {run.id}"), ("stop it", f"runctl stop {run.id}")])


def show_end(session: Session, run: Run, *, json: bool) -> None:
    """The receipt in a few lines, or as JSON."""
    from runctl_core.training.receipt import current

    document = current(session.tracker, run, session.plan(run))
    if json:
        output.print_json(document)
        return
    output.note(f"{run.id} {run.state}: {', '.join(_in_short(document))}")
    output.notes(_where(document))


def _in_short(document: dict[str, Any]) -> list[str]:
    """What ran, how it ended, for how long, and at what cost."""
    status = None if document["exit_code"] is None else f"exit status {document['exit_code']}"
    ends = [end for end in (status, document["reason"]) if end]
    took = output.duration(document["duration_s"])
    cost = output.cost(
        document["cost_usd"], document["cost_unknown_resources"], document["cost_estimated_usd"]
    )
    return [document["script"], *dict.fromkeys(ends), took, cost]


def _where(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Where everything is, and the next commands of a run that did not succeed."""
    from runctl_core.training.outcome import LIMITS

    whole = [c for c in document["checkpoints"] if c["complete"]]
    rows = [("checkpoints", f"{len(whole)}, newest {whole[0]['path']}")] if whole else []
    rows += [("output", f"{o['path']} ({output.size(o['size_bytes'])})") for o in document["outputs"]]
    rows += [("not made", path) for path in document["missing_outputs"]]
    rows += [("log", document["log"])] if os.path.exists(document["log"]) else []
    rows += [("receipt", document["receipt"])]
    if document["state"] != "succeeded":
        rows += [("why", f"runctl why {document['run']}")]
        if document["ended_by"] not in LIMITS:  # then more time or money is needed first, as `why` says
            rows += [("go on", f"runctl resume {document['run']}")]
    return rows
