"""What a person sees of a run: the script's bytes on standard output, everything else beside them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from runctl_core.cli import output
from runctl_core.training.reporter import Reporter

if TYPE_CHECKING:
    from runctl_core.cli.session import Session
    from runctl_core.models.resources import Offer, Resource
    from runctl_core.models.runs import Run


class TerminalReporter(Reporter):
    """Writes a run's log to standard output, byte for byte, and notes to standard error.

    Args:
        output_to_stderr: Keep standard output for a JSON document.
    """

    def __init__(self, *, output_to_stderr: bool = False) -> None:
        self._output = (sys.stderr if output_to_stderr else output.results()).fileno()

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

    def note(self, text: str) -> None:
        """Show a line on standard error."""
        output.note(text)

    def detached(self, run: Run) -> None:
        """Say that the run goes on, and how to come back to it."""
        output.note(f"\ndetached; {run.id} goes on")
        output.note(f"  come back: runctl attach {run.id}")
        output.note(f"  stop it:   runctl stop {run.id}")


def show_started(session: Session, run: Run, *, json: bool) -> None:
    """What `--detach` prints: the run's id on standard output, and how to come back."""
    if json:
        from runctl_core.training.receipt import current

        output.print_json(current(session.tracker, run, session.plan(run)))
        return
    output.lines([run.id])
    output.note(f"follow it: runctl attach {run.id}")


def show_end(session: Session, run: Run, *, json: bool) -> None:
    """The receipt in a few lines, or as JSON."""
    from runctl_core.models.runs import RunState
    from runctl_core.training.receipt import current

    document = current(session.tracker, run, session.plan(run))
    if json:
        output.print_json(document)
        return
    took = output.duration(document["duration_s"])
    cost = output.cost(document["cost_usd"], document["cost_unknown_resources"])
    reason = f": {run.reason}" if run.reason else ""
    output.note(f"{run.id} {run.state}{reason} ({took}, {cost})")
    whole = [c for c in document["checkpoints"] if c["complete"]]
    if whole:
        output.note(f"  checkpoints: {len(whole)}, newest {whole[0]['path']}")
    for item in document["outputs"]:
        output.note(f"  output:      {item['path']} ({output.size(item['size_bytes'])})")
    for path in document["missing_outputs"]:
        output.note(f"  not made:    {path}")
    output.note(f"  log:         {document['log']}")
    if run.state is not RunState.SUCCEEDED:
        output.note(f"  why: runctl why {run.id}")
        output.note(f"  go on: runctl resume {run.id}")
