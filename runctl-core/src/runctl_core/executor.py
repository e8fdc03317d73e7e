"""How a job runs on a resource: the contract. `runner_executor.py` is the one for machines.

The handle is the job's id, so that any later process, on any terminal, finds the job again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from runctl_core.models.jobs import Job, JobStatus, Usage
    from runctl_core.models.processes import Process
    from runctl_core.sync.selection import Selection


def in_silence(done: int, total: int) -> None:
    """Tell nobody how far it is."""


LogName = Literal["job", "setup"]
"""Which log: the script's own bytes, or what the set-up programs printed."""


class JobExecutor(ABC):
    """Runs jobs on one resource. Methods may be called from any thread and any process."""

    shares_files: bool = False
    """Whether paths of this computer are valid there; then nothing needs to be copied."""

    @abstractmethod
    def start(self, job: Job) -> str:
        """Start `job` so that it outlives the caller, and return its handle.

        Idempotent by `job.id`: a second start returns the handle and starts nothing.

        Raises:
            SetupError: The job could not be started at all: no Python there, disk full.
            UnknownOutcome: It may have been started; `status` tells.
        """

    @abstractmethod
    def status(self, handle: str) -> JobStatus:
        """What is known of the job now. Cheap enough to be asked many times a second.

        A job whose runner died is reported as `LOST`, after everything that it left running was
        ended. Raises NotFound for a handle that was never started here.
        """

    @abstractmethod
    def logs(self, handle: str, offset: int, *, limit: int = 1 << 20, log: LogName = "job") -> bytes:
        """The log's bytes from `offset` on, at most `limit`; empty at its present end."""

    @abstractmethod
    def cancel(self, handle: str, grace_s: float) -> None:
        """End the job: SIGTERM to its processes, `grace_s` seconds, SIGKILL. Idempotent.

        Returns when the request has reached the runner; `status` tells when the job is over.
        """

    @abstractmethod
    def fetch(self, handle: str, path: str, to: str) -> None:
        """Copy `path`, a file or folder on the machine, to `to` here, whole or not at all.

        A relative path is meant from the job's working directory. Raises NotFound.
        """

    def files(self, handle: str, path: str) -> Mapping[str, tuple[int, int]]:
        """The regular files in or below the folder `path`, an absolute path on the machine.

        Returns:
            By path below the folder, parts divided by `/`: size in bytes, and modification time in
            nanoseconds. Equal figures mean that `fetch` need not be called again.

        Raises:
            NotFound: There is no such folder.
            Unsupported: This executor cannot tell, and everything is fetched at the end. The default.
        """
        from runctl_core.errors import Unsupported

        raise Unsupported(f"the files of {handle} in {path} cannot be listed", why="its provider lists none")

    @abstractmethod
    def usage(self, handle: str) -> Sequence[Usage]:
        """The latest samples, oldest first; empty when there are none."""

    def sync(self, code: Selection, *, progress: Callable[[int, int], None] = in_silence) -> str:  # noqa: ARG002
        """Bring the files of `code` to the machine, whole or not at all, and return where they are there.

        Args:
            code: What goes; what went before and is not in it is gone over there.
            progress: Told the bytes that were sent and all there are, now and then.

        Returns:
            The absolute path of the tree's root. A job's `workdir` may be there or below.

        Raises:
            Unsupported: This executor brings no files. The default; needless where files are shared.
        """
        from runctl_core.errors import Unsupported

        raise Unsupported(f"{code.root} cannot be brought there", why="its provider brings no files")

    def processes(self, handle: str) -> Sequence[Process]:
        """The job's processes as they are now, by pid; empty when it has none any more.

        May take a second, in which it measures. A process that ends meanwhile is left out. Never
        tells environments: secrets are in them.

        Raises:
            NotFound: The handle was never started here.
            Unsupported: This executor cannot look into its jobs. The default.
        """
        from runctl_core.errors import Unsupported

        raise Unsupported(
            f"the processes of {handle} cannot be listed",
            why="its provider lets nobody look into a job",
            fix="runctl status shows what it uses, runctl logs what it prints",
        )

    @abstractmethod
    def exec(self, handle: str, argv: Sequence[str]) -> int:
        """Run `argv` beside the job, in its directory and environment, on this terminal.

        Standard input, output and error are this process's own. Returns the exit status, 128 + N
        for signal N.
        """

    def forward(self, local_port: int, host: str, port: int) -> AbstractContextManager[int]:
        """Lead a port of 127.0.0.1 here to `host:port` as the machine sees it, until the block ends.

        `local_port` 0 takes any that is free. The context gives the port that listens.

        Raises:
            Refused: The local port is taken.
            Unsupported: This executor leads no ports. The default.
        """
        from runctl_core.errors import Unsupported

        raise Unsupported(
            f"port {port} of {host} cannot be brought to port {local_port} here",
            why="its provider leads no ports of its machines",
            fix="runctl ssh without -L opens a shell there",
        )
