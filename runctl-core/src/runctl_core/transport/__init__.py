"""How bytes and commands reach a machine: the contract. `local.py` is this computer.

Five calls; `read` and `forward` have defaults, for transports without a quicker way or without any.
"""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from runctl_core.errors import NotFound, Unsupported

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

__all__ = ["Completed", "Transport"]


@frozen
class Completed:
    """The end of a command.

    Attributes:
        status: Its exit status; 128 + N when signal N ended it.
        stdout: What it printed.
        stderr: What it printed to standard error.
    """

    status: int
    stdout: bytes
    stderr: bytes


class Transport(ABC):
    """A way to one machine. Methods may be called from any thread."""

    shares_files: bool = False
    """Whether paths of this computer are valid there."""

    @abstractmethod
    def run(
        self, argv: Sequence[str], *, input: bytes | Iterable[bytes] = b"", timeout_s: float | None = None
    ) -> Completed:
        """Run a program to its end. No shell interprets `argv`.

        `input` is the program's standard input, whole or in pieces that are sent as they come.

        Raises:
            ProviderUnavailable: The machine cannot be reached; the program did not start.
            UnknownOutcome: The connection broke, or the time was over, while it ran.
        """

    @abstractmethod
    def stream(
        self, argv: Sequence[str], *, cwd: str | None = None, env: Mapping[str, str] | None = None
    ) -> int:
        """Run a program on this process's own standard streams and return its exit status."""

    @abstractmethod
    def put(self, source: str, target: str, *, mode: int | None = None) -> None:
        """Copy a file or folder of this computer to `target` there, whole or not at all."""

    @abstractmethod
    def get(self, source: str, target: str) -> None:
        """Copy a file or folder there to `target` here, whole or not at all. Raises NotFound."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the connection. Idempotent."""

    def read(self, path: str, offset: int, limit: int) -> bytes:
        """At most `limit` bytes of a file from `offset` on. Raises NotFound."""
        done = self.run(["sh", "-c", f"tail -c +{offset + 1} {shlex.quote(path)} | head -c {limit}"])
        if done.stderr:
            raise NotFound(f"no file {path}", why=done.stderr.decode(errors="replace").strip())
        return done.stdout

    def forward(self, local_port: int, host: str, port: int) -> AbstractContextManager[int]:
        """Lead a port of 127.0.0.1 here to `host:port` as the machine sees it, until the block ends.

        `local_port` 0 takes any that is free. The context gives the port that listens.

        Raises:
            Refused: The local port is taken.
            Unsupported: This way to a machine leads no ports. The default.
        """
        raise Unsupported(
            f"port {port} of {host} cannot be brought to port {local_port} here",
            why="the way to this machine carries commands and files only",
            fix="runctl ssh without -L opens a shell there",
        )
