"""The way to a fake machine without a network: commands are child processes, in the machine's folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from runctl_core.errors import NotFound, ProviderUnavailable, StateError, UnknownOutcome
from runctl_core.testing.fakes.sandbox import OFF, Sandbox
from runctl_core.transport import Completed, Transport
from runctl_core.transport.local import LocalTransport


class SandboxTransport(Transport):
    """One machine. It shares no files with us; paths that do not begin with `/` are meant from its home."""

    def __init__(self, name: str, sandbox: Sandbox) -> None:
        self._name = name
        self._sandbox = sandbox
        self._local = LocalTransport()

    def run(
        self, argv: Sequence[str], *, input: bytes | Iterable[bytes] = b"", timeout_s: float | None = None
    ) -> Completed:
        """See `Transport.run`."""
        self._reach()
        command = self._sandbox.command(argv)
        done = self._local.run(command, input=input, timeout_s=timeout_s)
        if not self._sandbox.on:
            if done.status == OFF:
                self._reach()
            raise UnknownOutcome(f"{self._name} went away while {argv[0]} ran", why="connection lost")
        return done

    def stream(
        self, argv: Sequence[str], *, cwd: str | None = None, env: Mapping[str, str] | None = None
    ) -> int:
        """See `Transport.stream`."""
        self._reach()
        if cwd is not None and not os.path.isdir(self._path(cwd)):
            raise NotFound(f"no directory {cwd}", why=f"it is not on {self._name}")
        return self._local.stream(self._sandbox.command(argv, env=env, cwd=cwd))

    def put(self, source: str, target: str, *, mode: int | None = None) -> None:
        """See `Transport.put`. Raises StateError for a path outside of the machine's folder."""
        self._reach()
        self._local.put(source, self._inside(target), mode=mode)

    def get(self, source: str, target: str) -> None:
        """See `Transport.get`."""
        self._reach()
        try:
            inside = self._inside(source)
        except StateError as error:
            raise NotFound(f"no file {source}", why=error.why) from error
        self._local.get(inside, target)

    def close(self) -> None:
        """There is nothing to let go of."""

    def _reach(self) -> None:
        if not self._sandbox.on:
            raise ProviderUnavailable(f"{self._name} cannot be reached", why="no route to host")

    def _path(self, path: str) -> str:
        return os.path.join(self._sandbox.home, path)

    def _inside(self, path: str) -> str:
        whole = os.path.realpath(self._path(path))
        if not f"{whole}/".startswith(f"{self._sandbox.folder}/"):
            raise StateError(
                f"cannot write {path}",
                why=f"permission denied: {self._name} has nothing but {self._sandbox.home}",
                fix="choose a folder below the machine's home",
            )
        return whole
