"""`runctl processes`: what a run's job is doing on its machine, process by process."""

from __future__ import annotations

import os
import shlex
import time
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit, Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, complete_runs
from runctl_core.cli.session import Session
from runctl_core.clock import now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runctl_core.errors import NotFound
    from runctl_core.executor import JobExecutor
    from runctl_core.models.processes import Process
    from runctl_core.models.resources import Resource
    from runctl_core.models.runs import Run
    from runctl_core.tracking import ResourceTracker

_EVERY_S = 2.0
_COLUMNS = ("PID", "USER", "CPU", "MEMORY", "GPU MEMORY", "THREADS", "RUNNING", "COMMAND")
_LESS_WANTED = ("THREADS", "USER", "RUNNING")
_FROM_THE_TOP = "\033[H\033[2J"


def processes(
    target: Annotated[
        str,
        Argument(
            metavar="RUN|RESOURCE",
            help="A run's id, the beginning of one, a name, `latest`; or a resource's id, or PROVIDER/ID.",
            autocompletion=complete_runs,
        ),
    ],
    watch: Annotated[
        bool, Option("--watch", "-w", help="Look again every two seconds, until it is over.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """List the processes of a live run, on its machine, with what each uses now.

    Ctrl-C ends the watching, never the run. Piped, --watch prints one list after the other, with an
    empty line between. Environments are never shown: secrets are in them.

    Examples:
        runctl processes latest
        runctl processes brave-otter-41 --watch
        runctl processes latest --json
    """
    from runctl_core.cli.follow import require_one_document
    from runctl_core.models.runs import handle_of
    from runctl_core.shown import processes_of

    require_one_document(watch, json)
    session = Session()
    run = session.settled_run(_run_id(session.tracker, target))
    executor = _executor(session, run)
    if watch:
        _watch(executor, run)
        return
    found = processes_of(executor, handle_of(run))
    if json:
        _print_document(run, found)
    else:
        _show(found, run)


def _run_id(tracker: ResourceTracker, target: str) -> str:
    """The run that is meant by itself, or by its resource. Raises NotFound or Refused."""
    from runctl_core.errors import NotFound, Refused

    try:
        return tracker.run(target).id
    except NotFound as unknown:
        resource = _resource(tracker, target, unknown)
    if resource.run_id is None:
        raise Refused(
            f"{target} has no job of ours",
            why="runctl did not make it for a run, and only jobs that it started are looked into",
            fix="runctl ps",
        )
    run = tracker.run(resource.run_id)
    if run.resource_id != resource.id:
        raise Refused(
            f"{target} has no job any more",
            why=f"{run.id} goes on with attempt {run.attempt}, on {run.resource_id or 'no resource yet'}",
            fix=f"runctl processes {run.id}",
        )
    return run.id


def _resource(tracker: ResourceTracker, target: str, unknown: NotFound) -> Resource:
    """The resource in the books that is meant. Raises NotFound."""
    from runctl_core.errors import NotFound
    from runctl_core.inventory import find, known_inventory

    try:
        return find(known_inventory(tracker), target).resource
    except NotFound as error:
        raise NotFound(
            f"{unknown.message}; {error.message}",
            why=error.why or "only jobs that runctl started are looked into, not other machines or processes",
            fix="runctl ps",
        ) from unknown


def _executor(session: Session, run: Run) -> JobExecutor:
    """The executor of the run's machine. Raises Refused for a run that has none."""
    from runctl_core.cli.follow import executor_of
    from runctl_core.errors import Refused

    executor = executor_of(session, run)
    if executor is None:
        raise Refused(
            f"{run.id} has no processes: {run.state}",
            fix=f"runctl status {run.id} shows what is known of it",
        )
    return executor


def _watch(executor: JobExecutor, run: Run) -> None:
    """Show the processes again and again until the job is over; Ctrl-C exits with status 130."""
    from runctl_core.errors import NotFound
    from runctl_core.models.runs import handle_of
    from runctl_core.shown import processes_of

    first = True
    try:
        while not executor.status(handle_of(run)).phase.over:
            began = time.monotonic()
            found = processes_of(executor, handle_of(run))
            _separate(first=first)
            _show(found, run)
            first = False
            time.sleep(max(0.0, began + _EVERY_S - time.monotonic()))
    except KeyboardInterrupt:
        raise Exit(130) from None
    except NotFound:
        pass  # its machine was let go in between
    output.note(f"{run.id} is over\n  how it ended  runctl status {run.id}")


def _separate(*, first: bool) -> None:
    """Begin the next list: in the place of the last one, or below it where nothing can be taken back."""
    out = output.results()
    if out.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        out.write(_FROM_THE_TOP)
    elif not first:
        out.write("\n")


def _show(found: Sequence[Process], run: Run) -> None:
    rows = [
        (
            str(process.pid),
            process.user,
            f"{process.cpu_percent:.0f} %",
            output.size(process.memory_bytes),
            "" if process.gpu_memory_bytes is None else output.size(process.gpu_memory_bytes),
            "" if process.threads is None else str(process.threads),
            output.duration(process.elapsed_s),
            shlex.join(process.command),
        )
        for process in found
    ]
    output.table(_COLUMNS, rows, empty=f"{run.id} has no process now", less_wanted=_LESS_WANTED)
    output.results().flush()


def _print_document(run: Run, found: Sequence[Process]) -> None:
    from runctl_core.training.documents import of_process

    output.print_json(
        {
            "run": run.id,
            "resource": run.resource_id,
            "sampled_at": now(),
            "processes": [of_process(process) for process in found],
        }
    )
