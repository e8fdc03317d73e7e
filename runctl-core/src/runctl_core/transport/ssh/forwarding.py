"""A port of this computer that leads to one that the machine reaches; it outlives the connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from runctl_core.errors import Refused, RunctlError

if TYPE_CHECKING:
    import asyncssh

    from runctl_core.transport.ssh.connection import Connection

_PIECE = 1 << 16


async def listen(connection: Connection, local_port: int, host: str, port: int) -> asyncio.Server:
    """Listen on 127.0.0.1, and lead whoever comes to `host:port` over there. The server has the port.

    Raises:
        Refused: The local port is taken.
        ProviderUnavailable, AuthenticationError: There is no way to the machine.
    """
    await connection.opened()
    led: set[asyncio.Task[None]] = set()

    def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_lead(connection, reader, writer, host, port))
        led.add(task)
        task.add_done_callback(led.discard)

    try:
        return await asyncio.start_server(lead, "127.0.0.1", local_port)
    except OSError as error:
        raise Refused(
            f"port {local_port} of this computer cannot be listened on",
            why=error.strerror or "",
            fix="take another one, or 0 for any that is free",
        ) from error


async def _lead(
    connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
) -> None:
    """Carry bytes both ways. What cannot be reached over there looks here like a closed connection."""
    import asyncssh

    try:
        opened = await connection.opened()
        far_reader, far_writer = await opened.open_connection(host, port)
        await asyncio.gather(_carry(reader, far_writer), _carry(far_reader, writer))
    except (OSError, asyncssh.Error, RunctlError):
        writer.transport.abort()
    finally:
        writer.close()


async def _carry(
    source: asyncio.StreamReader | asyncssh.SSHReader[bytes],
    target: asyncio.StreamWriter | asyncssh.SSHWriter[bytes],
) -> None:
    while data := await source.read(_PIECE):
        target.write(data)
        await target.drain()
    target.write_eof()
