"""One machine's SSH server: who may enter, and what they run there. Alone touches asyncssh here.

SFTP may read and write whatever this computer's user may, as commands may: it is no border of safety.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import termios
from typing import Any

import asyncssh

from runctl_core.testing.fakes.sandbox import Sandbox

_TERMINAL = 'exec 0<>"$0" 1>&0 2>&0 || exit 255; exec "$@"'
"""The first program of a session that opens a terminal controls it."""


class Door(asyncssh.SSHServer):
    """A machine's server, and each of its connections.

    Args:
        sandbox: Where programs run.
        user: The only name that may enter.
        key: The only public key.
    """

    def __init__(self, sandbox: Sandbox, user: str, key: str) -> None:
        self._sandbox, self._user = sandbox, user
        self._key = asyncssh.import_public_key(key)
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._acceptor: asyncssh.SSHAcceptor | None = None

    async def open(self, port: int) -> dict[str, Any]:
        """Listen, with a new host key; returns host, port and host_key."""
        host_key = asyncssh.generate_private_key("ssh-ed25519")
        home = os.fsencode(self._sandbox.home)
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            port,
            server_factory=lambda: self,
            server_host_keys=[host_key],
            process_factory=self._serve,
            sftp_factory=lambda channel: _Files(channel, home),
            encoding=None,
            line_editor=False,
        )
        public = host_key.export_public_key().decode().strip()
        return {"host": "127.0.0.1", "port": self._acceptor.get_port(), "host_key": public}

    async def close(self) -> None:
        """Listen no more, and cut every connection."""
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()
        for connection in list(self._connections):
            connection.abort()

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Remember it, so that it can be cut."""
        self._connections = {known for known in self._connections if not known.is_closed()} | {conn}

    def public_key_auth_supported(self) -> bool:
        """Keys are the only way in."""
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether this is who the machine was made for."""
        return username == self._user and key == self._key

    def connection_requested(self, *_: Any) -> bool:
        """Ports of the machine may be forwarded; they are this computer's."""
        return True

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        command = ["sh", "-c", process.command] if process.command else ["sh"]
        env = {key: value for key, value in process.env.items() if key.startswith(("LC_", "RUNCTL_"))}
        try:
            if process.term_type:
                status = await self._on_terminal(process, command, {**env, "TERM": process.term_type})
            else:
                status = await self._on_pipes(process, self._sandbox.command(command, env=env))
        except (OSError, asyncssh.Error):
            process.exit(255)
            return
        if status < 0:
            process.exit_with_signal(_signal_name(-status))
        else:
            process.exit(status)

    async def _on_pipes(self, process: asyncssh.SSHServerProcess[bytes], argv: list[str]) -> int:
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
        pump = asyncio.ensure_future(_to_child(process, child))
        try:
            await asyncio.gather(
                _from_child(child.stdout, process.stdout), _from_child(child.stderr, process.stderr)
            )
            return await child.wait()
        finally:
            pump.cancel()

    async def _on_terminal(
        self, process: asyncssh.SSHServerProcess[bytes], command: list[str], env: dict[str, str]
    ) -> int:
        master, slave = os.openpty()
        try:
            columns, rows, width, height = process.term_size
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, width, height))
            argv = ["sh", "-c", _TERMINAL, os.ttyname(slave), *self._sandbox.command(command, env=env)]
            child = await asyncio.create_subprocess_exec(*argv, start_new_session=True)
            pumps = [
                asyncio.ensure_future(_to_terminal(process, master)),
                asyncio.ensure_future(_from_terminal(process, master)),
            ]
            try:
                status = await child.wait()
                os.close(slave)
                slave = -1
                await pumps[1]
            finally:
                for pump in pumps:
                    pump.cancel()
            return status
        finally:
            for handle in (master, slave):
                if handle >= 0:
                    os.close(handle)


async def _to_child(process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process) -> None:
    assert child.stdin is not None  # noqa: S101  it was asked for
    with contextlib.suppress(OSError):  # it may end before it has read all
        while True:
            try:
                data = await process.stdin.read(1 << 16)
            except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged):
                continue
            except asyncssh.SignalReceived as received:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, getattr(signal, f"SIG{received.signal}", signal.SIGTERM))
                continue
            if not data:
                break
            child.stdin.write(data)
            await child.stdin.drain()
        child.stdin.close()


async def _from_child(source: asyncio.StreamReader | None, target: asyncssh.SSHWriter[bytes]) -> None:
    assert source is not None  # noqa: S101  it was asked for
    while data := await source.read(1 << 16):
        target.write(data)
        await target.drain()


async def _to_terminal(process: asyncssh.SSHServerProcess[bytes], master: int) -> None:
    while True:
        try:
            data = await process.stdin.read(1 << 15)
        except asyncssh.TerminalSizeChanged as size:
            packed = struct.pack("HHHH", size.height, size.width, size.pixwidth, size.pixheight)
            fcntl.ioctl(master, termios.TIOCSWINSZ, packed)
            continue
        except asyncssh.BreakReceived:
            data = b"\x03"
        except asyncssh.SignalReceived:
            continue  # a terminal's own signals come as characters
        if not data:
            return
        os.write(master, data)


async def _from_terminal(process: asyncssh.SSHServerProcess[bytes], master: int) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            data = await loop.run_in_executor(None, os.read, master, 1 << 15)
        except OSError:
            return  # the last program has closed the terminal
        process.stdout.write(data)
        with contextlib.suppress(asyncssh.Error, OSError):
            await process.stdout.drain()


def _signal_name(number: int) -> str:
    return signal.Signals(number).name.removeprefix("SIG")


class _Files(asyncssh.SFTPServer):
    """SFTP; paths that do not begin with `/` are meant from the machine's home."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], home: bytes) -> None:
        super().__init__(channel)
        self._home = home

    def map_path(self, path: bytes) -> bytes:
        """See `asyncssh.SFTPServer.map_path`."""
        return os.path.join(self._home, path)
