"""A machine that an SSH server reaches. The first connection imports what the extra `[ssh]` brings."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runctl_core.errors import NotFound, StateError
from runctl_core.transport import Completed, Transport
from runctl_core.transport.ssh.address import Address

if TYPE_CHECKING:
    from runctl_core.transport.ssh.connection import Connection

__all__ = ["SSHTransport"]

_NO_FOLDER, _NO_PROGRAM = 97, 98
_PREPARE = """
umask 077
file=$(mktemp) && cat > "$file" || exit 96
( . "$file"; cd -- "$1" || exit 97; command -v -- "$2" > /dev/null || exit 98 )
status=$?
if [ $status = 0 ]; then printf %s "$file"; else rm -f "$file"; fi
exit $status
"""
_BEGIN = 'file=$1 folder=$2; shift 2; . "$file"; rm -f -- "$file"; cd -- "$folder" && exec "$@"'
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class SSHTransport(Transport):
    """One connection to a machine, made when it is first needed, shared, and made again after it broke.

    Whom it trusts, it is told: the machine must show one of `host_keys`, or a key that the known hosts
    have for it. Nothing makes it accept any key. Every setting of `~/.ssh/config` that asyncssh knows
    is honoured (`HostName`, `Port`, `User`, `IdentityFile`, `ProxyJump`, …), but `UserKnownHostsFile`;
    what is given here goes first. A peer that is gone is noticed within 30 seconds.

    Args:
        host: The machine's name, its address, or its alias in `~/.ssh/config`.
        port: The port of its SSH server; 22 leaves it to the configuration.
        user: The user there; by default the configuration's, else ours.
        key_files: Files of private keys; by default the configuration's, else the usual ones.
        client_keys: Private keys as text, for keys that are made for a run. Never shown.
        host_keys: Public keys, `ssh-ed25519 AAAA…`, of which the machine must show one.
        known_hosts: The file of known hosts, when it is not `~/.ssh/known_hosts`.
        agent: Whether the keys of the SSH agent are tried too.
        connect_timeout_s: Seconds for connecting and proving who we are.

    Every method raises, when there is no connection:
        AuthenticationError: The machine is not the one it should be, or accepts none of our keys.
        ProviderUnavailable: It cannot be reached; nothing was done.
        SetupError: The extra `[ssh]` is not installed, or the machine's server has no SFTP.
    """

    def __init__(
        self,
        host: str,
        *,
        port: int = 22,
        user: str | None = None,
        key_files: Sequence[str] = (),
        client_keys: Sequence[str] = (),
        host_keys: Sequence[str] = (),
        known_hosts: str | None = None,
        agent: bool = True,
        connect_timeout_s: float = 15.0,
    ) -> None:
        self._address = Address(
            host,
            port=port,
            user=user,
            key_files=tuple(key_files),
            client_keys=tuple(client_keys),
            host_keys=tuple(host_keys),
            known_hosts=known_hosts,
            agent=agent,
            connect_timeout_s=connect_timeout_s,
        )
        self._made: Connection | None = None
        self._making = threading.Lock()

    def __repr__(self) -> str:
        return f"SSHTransport({str(self._address)!r})"

    @property
    def _connection(self) -> Connection:
        """Made when it is first needed: asyncio is for those who connect, not for those who import this."""
        from runctl_core.transport.ssh.connection import Connection

        with self._making:
            if self._made is None:
                self._made = Connection(self._address)
            return self._made

    def run(
        self, argv: Sequence[str], *, input: bytes | Iterable[bytes] = b"", timeout_s: float | None = None
    ) -> Completed:
        """See `Transport.run`. A program that cannot be executed ends with 127 or 126.

        At most eight run at once, the others wait. A program whose time is over is killed there, where
        the server passes signals on; many do not for root. A connection that breaks, or an error in
        making `input`, looks there like the end of the input: a program has to know when it has it all.
        """
        from runctl_core.transport.ssh.program import run

        return run(self._connection, argv, input, timeout_s)

    def stream(
        self, argv: Sequence[str], *, cwd: str | None = None, env: Mapping[str, str] | None = None
    ) -> int:
        """See `Transport.stream`. With a terminal there when standard input is one here.

        The variables travel in a file that only we may read and that is removed before the program
        starts: other users of the machine see command lines. Names that no shell can set are left out.

        Raises:
            NotFound: There is no such program, or no such directory.
        """
        from shlex import quote

        from runctl_core.transport.ssh.program import command_line
        from runctl_core.transport.ssh.terminal import stream

        folder = cwd or "."
        sets = "".join(
            f"export {name}={quote(value)}\n" for name, value in (env or {}).items() if _NAME.fullmatch(name)
        )
        done = self.run(["sh", "-c", _PREPARE, "sh", folder, argv[0]], input=os.fsencode(sets), timeout_s=60)
        if done.status == _NO_FOLDER:
            raise NotFound(f"no directory {folder}", why=_said(done))
        if done.status == _NO_PROGRAM:
            raise NotFound(f"cannot execute {argv[0]}", why=f"no such program on {self._address}")
        if done.status != 0:
            raise StateError(
                f"{argv[0]} cannot be started on {self._address}",
                why=_said(done),
                fix="make room in its folder for temporary files",
            )
        words = ["sh", "-c", _BEGIN, "sh", os.fsdecode(done.stdout), folder, *argv]
        return stream(self._connection, argv[0], command_line(words))

    def put(self, source: str, target: str, *, mode: int | None = None) -> None:
        """See `Transport.put`. Modes, and times to the second, are kept; folders above `target` are made.

        Raises:
            NotFound: There is nothing at `source`.
            StateError: The disk over there is full, or something may not be read or written.
        """
        from runctl_core.transport.ssh.loop import wait_for
        from runctl_core.transport.ssh.putting import items, put
        from runctl_core.transport.ssh.reading import again

        what = items(source)
        partial = f"{target}.{os.urandom(4).hex()}.part"
        connection = self._connection
        wait_for(again(connection, target, lambda files: put(connection, files, what, partial, target, mode)))

    def get(self, source: str, target: str) -> None:
        """See `Transport.get`. Links that lead out of a folder become copies, or are left out.

        Raises:
            NotFound: There is nothing at `source`.
            StateError: Something may not be read or written, or the disk here is full.
            Damaged: The machine names files that no folder can have.
        """
        from runctl_core.transport.ssh.getting import get
        from runctl_core.transport.ssh.loop import wait_for
        from runctl_core.transport.ssh.reading import again
        from runctl_core.transport.whole import discard, replace

        partial = f"{os.path.abspath(target)}.{os.urandom(4).hex()}.part"
        try:
            os.makedirs(os.path.dirname(partial), exist_ok=True)
            wait_for(again(self._connection, source, lambda files: get(files, source, partial)))
            replace(partial, target)
        except OSError as error:
            raise StateError(
                f"cannot write {target}",
                why=error.strerror or "",
                fix=f"make {os.path.dirname(partial)} writable, then try again",
            ) from error
        finally:
            discard(partial)

    def read(self, path: str, offset: int, limit: int) -> bytes:
        """See `Transport.read`. Raises NotFound, and StateError for a file that we may not read."""
        from runctl_core.transport.ssh.loop import wait_for
        from runctl_core.transport.ssh.reading import again, read

        name = os.fsencode(path)
        return wait_for(again(self._connection, path, lambda files: read(files, name, offset, limit)))

    @contextmanager
    def forward(self, local_port: int, host: str, port: int) -> Iterator[int]:
        """See `Transport.forward`. It outlives a connection that breaks. Raises Refused for a taken port."""
        from runctl_core.transport.ssh.forwarding import listen
        from runctl_core.transport.ssh.loop import running, wait_for

        server = wait_for(listen(self._connection, local_port, host, port))
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            running().call_soon_threadsafe(server.close)

    def close(self) -> None:
        """Let go of the connection. Idempotent; a later call makes a new one."""
        if self._made is not None:
            from runctl_core.transport.ssh.loop import wait_for

            wait_for(self._made.close())


def _said(done: Completed) -> str:
    return done.stderr.decode(errors="replace").strip()[-300:]
