"""`runctl ssh`: a shell beside a run, on its machine, and ports of that machine brought here."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

from attrs import frozen
from typer import Exit, Option

from runctl_core.cli import output
from runctl_core.cli.options import RunArgument
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from runctl_core.executor import JobExecutor

_SHELL = ("sh", "-c", 'exec "${SHELL:-sh}"')
_INTERRUPTED = 130


@frozen
class Forward:
    """A port here, and what it leads to as the machine sees it."""

    local_port: int
    host: str
    port: int


def ssh(
    run: RunArgument,
    forward: Annotated[
        list[str] | None,
        Option("-L", "--forward", metavar="LOCAL:HOST:PORT", help="Bring a port here; again for more."),
    ] = None,
    no_shell: Annotated[bool, Option("--no-shell", "-N", help="Only bring the ports, until Ctrl-C.")] = False,
) -> None:
    """Open a shell on the machine of a live run, in its directory and with its variables.

    With -L, HOST:PORT as the machine sees it answers on LOCAL of this computer's 127.0.0.1, until the
    shell ends. LOCAL 0 takes any port that is free.

    Examples:
        runctl ssh latest
        runctl ssh brave-otter-41 -L 8888:localhost:8888
        runctl ssh latest -N -L 6006:localhost:6006
    """
    from runctl_core.cli.follow import executor_of
    from runctl_core.errors import Refused, UsageError
    from runctl_core.models.runs import handle_of

    forwards = [parsed(text) for text in forward or ()]
    if no_shell and not forwards:
        raise UsageError("--no-shell without a port does nothing", fix="add -L 8888:localhost:8888")
    session = Session()
    found = session.settled_run(run)
    executor = executor_of(session, found)
    if executor is None:
        raise Refused(
            f"{found.id} has no machine: {found.state}",
            fix=f"runctl pull {found.id} for its results, or runctl resume {found.id}",
        )
    with ExitStack() as held:
        for each in forwards:
            port = held.enter_context(executor.forward(each.local_port, each.host, each.port))
            output.note(f"127.0.0.1:{port} leads to {each.host}:{each.port} of {found.id}")
        if no_shell:
            raise Exit(_until_ctrl_c())
        raise Exit(_shell(executor, handle_of(found)))


def parsed(text: str) -> Forward:
    """`8888:localhost:8888` as it is meant; `8888` alone is the same port there. Raises UsageError."""
    from runctl_core.errors import UsageError

    local, _, there = text.partition(":")
    host, _, port = there.rpartition(":")
    ports = (local, port if there else local)
    if not all(part.isascii() and part.isdigit() and int(part) < 65536 for part in ports) or (
        there and not host
    ):
        raise UsageError(
            f"-L {text} is no LOCAL:HOST:PORT", why="ports are 0 to 65535", fix="-L 8888:localhost:8888"
        )
    return Forward(int(local), host.strip("[]") or "localhost", int(ports[1]))


def _shell(executor: JobExecutor, handle: str) -> int:
    output.release_stdout()
    return executor.exec(handle, _SHELL)


def _until_ctrl_c() -> int:
    import threading

    output.note("Ctrl-C ends it; the run goes on")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0
