"""`runctl pull`: a run's results to a folder of the user's choice."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, RunArgument
from runctl_core.cli.session import Session


def pull(
    run: RunArgument,
    folder: Annotated[
        str | None, Argument(metavar="[FOLDER]", help="Where to; a folder of the run's id by default.")
    ] = None,
    force: Annotated[bool, Option("--force", help="Write into a folder that holds other things.")] = False,
    json: JsonFlag = False,
) -> None:
    """Copy a run's logs, whole checkpoints, outputs and receipt, also while it runs.

    Examples:
        runctl pull brave-otter-41
        runctl pull latest results/
    """
    from runctl_core.cli.follow import bring_checkpoints_home, executor_of
    from runctl_core.training import pull as pulling

    session = Session()
    found = session.settled_run(run)
    plan = session.plan(found)
    target = pulling.destination(found, folder, force=force)
    bring_checkpoints_home(session, found)
    there = pulling.items(found, plan)
    with output.Progress("copying", sum(item.size_bytes for item in there)) as progress:
        copied = pulling.pull(
            found,
            there,
            target,
            executor=executor_of(session, found),
            progress=progress.advance,
        )
    if json:
        files = [
            {"path": item.target, "size_bytes": item.size_bytes, "copied": item in copied}
            for item in dict.fromkeys([*there, *copied])
        ]
        output.print_json({"run": found.id, "folder": target, "files": files})
        return
    already = len(set(there) - set(copied))
    same = f"; there already: {already}" if already else ""
    total = output.size(sum(item.size_bytes for item in copied))
    so_far = "" if found.state.over else f"; it still runs: runctl pull {found.id} again for the rest"
    output.note(f"{output.count(len(copied), 'file')} ({total}) copied to {target}{same}{so_far}")
