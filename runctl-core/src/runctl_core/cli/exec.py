"""`runctl exec`: a command beside a run, on its machine."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Exit

from runctl_core.cli import output
from runctl_core.cli.options import RunArgument
from runctl_core.cli.session import Session


def exec_(
    run: RunArgument,
    command: Annotated[list[str], Argument(metavar="-- COMMAND", help="The program and its arguments.")],
) -> None:
    """Run a command on the machine of a live run, in its directory and with its variables.

    Examples:
        runctl exec brave-otter-41 -- nvidia-smi
        runctl exec latest -- bash
    """
    from runctl_core.cli.follow import executor_of
    from runctl_core.errors import Refused
    from runctl_core.models.runs import handle_of

    session = Session()
    found = session.settled_run(run)
    executor = executor_of(session, found)
    if executor is None:
        raise Refused(
            f"{found.id} has no machine: {found.state}",
            fix=f"runctl pull {found.id} for its results, or runctl resume {found.id}",
        )
    output.release_stdout()
    raise Exit(executor.exec(handle_of(found), command))
