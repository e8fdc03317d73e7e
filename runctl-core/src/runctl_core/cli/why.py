"""`runctl why`: why a run failed, from evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, RunArgument
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from runctl_core.executor import LogName
    from runctl_core.models.runs import Run


def why(run: RunArgument, json: JsonFlag = False) -> None:
    """Explain from evidence why a run failed, and name the next command.

    Examples:
        runctl why brave-otter-41
    """
    from runctl_core.errors import NotFound
    from runctl_core.training.evidence import explain
    from runctl_core.training.receipt import read_receipt

    session = Session()
    found = session.settled_run(run)
    try:
        receipt = read_receipt(found.id)
    except NotFound:
        receipt = {}
    told = explain(found, session.plan(found), receipt, _tail(found, "job"), _tail(found, "setup"))
    if json:
        output.print_json(
            {
                "run": found.id,
                "state": str(found.state),
                "summary": told.summary,
                "evidence": list(told.evidence),
                "tail": list(told.tail),
                "fix": told.fix,
            }
        )
        return
    output.lines([f"{found.id} {found.state}: {told.summary}"])
    output.lines([f"  evidence: {line}" for line in told.evidence])
    output.lines(["  last lines:", *(f"    {line}" for line in told.tail)] if told.tail else [])
    output.lines([f"  next: {told.fix}"])


def _tail(run: Run, log: LogName) -> bytes:
    from runctl_core.errors import NotFound
    from runctl_core.training.logs import LogSource

    source = LogSource(run, log=log)
    try:
        return source.read(max(0, source.size() - 65536), 65536)
    except NotFound:
        return b""
