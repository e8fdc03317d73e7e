"""A file over there, read in order with many requests under way, and the errors of files in our words."""

from __future__ import annotations

import asyncio
import stat
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from runctl_core.errors import NotFound, RunctlError, StateError
from runctl_core.transport.ssh.trouble import is_gone, lost

if TYPE_CHECKING:
    import asyncssh

    from runctl_core.transport.ssh.connection import Connection

T = TypeVar("T")

UNDER_WAY = 24
"""Requests at once: with blocks of 256 KB, 6 MB of memory, and enough for a far machine."""

_TRIES = 3


async def again(connection: Connection, what: str, act: Callable[[asyncssh.SFTPClient], Awaitable[T]]) -> T:
    """Carry out an act on files that may be done twice, again when the connection breaks in its middle.

    Raises:
        ProviderUnavailable: The connection breaks each time.
        NotFound, StateError: What the machine says of the files; `what` names them.
    """
    import asyncssh

    broken: Exception | None = None
    for _ in range(_TRIES):
        files = await connection.files()
        try:
            return await act(files)
        except (asyncssh.Error, OSError) as error:
            if not is_gone(error):
                raise in_our_words(what, error) from error
            connection.files_failed()
            broken = error
    raise lost(connection.address, broken or ConnectionError()) from broken


def in_our_words(what: str, error: Exception) -> RunctlError:
    """What a machine says about a file, without the causes that only a look at it shows."""
    import asyncssh

    if isinstance(error, asyncssh.SFTPNoSuchFile | asyncssh.SFTPNoSuchPath):
        return NotFound(f"no file {what}", why=error.reason)
    return StateError(
        f"cannot copy or read {what}",
        why=getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error),
        fix="look at its owner, its mode and its disk over there, then try again",
    )


async def read(files: asyncssh.SFTPClient, path: bytes, offset: int, limit: int) -> bytes:
    """See `Transport.read`."""
    block = files.limits.max_read_len
    file = await files.open(path, "rb", encoding=None, block_size=0)
    try:
        first, known = await asyncio.gather(
            file.read(min(block, limit), offset), file.stat(), return_exceptions=True
        )
        if isinstance(known, BaseException):
            raise known
        if known.permissions is not None and stat.S_ISDIR(known.permissions):
            raise NotFound(f"no file {path.decode(errors='replace')}", why="it is a folder")
        if isinstance(first, BaseException):
            raise first
        data = bytearray(_bytes(first))
        left = min(limit, (known.size or 0) - offset) - len(data)
        if data and left > 0:
            async for piece in in_order(file, offset + len(data), left, block):
                data += piece
        return bytes(data)
    finally:
        await file.close()


async def in_order(
    file: asyncssh.SFTPClientFile, offset: int, limit: int, block: int
) -> AsyncIterator[bytes]:
    """The file's bytes from `offset` on, at most `limit`, up to its present end.

    A server may answer with fewer bytes than it was asked for: the rest is asked for again before
    anything behind it is given out.
    """
    waiting: deque[tuple[int, int, asyncio.Future[str | bytes]]] = deque()
    end, window = offset + limit, 2

    def ask(at: int, size: int) -> tuple[int, int, asyncio.Future[str | bytes]]:
        return at, size, asyncio.ensure_future(file.read(size, at))

    try:
        while True:
            while len(waiting) < window and offset < end:
                waiting.append(ask(offset, min(block, end - offset)))
                offset += waiting[-1][1]
            if not waiting:
                return
            at, size, answer = waiting.popleft()
            data = _bytes(await answer)
            if not data:
                return
            yield data
            if len(data) < size:
                waiting.appendleft(ask(at + len(data), size - len(data)))
            window = min(window * 2, UNDER_WAY)
    finally:
        await dropped([answer for *_, answer in waiting])


async def dropped(tasks: list[asyncio.Future[T]]) -> None:
    """Give up what is under way, so that no error of it is told by anybody else."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _bytes(data: str | bytes) -> bytes:
    return data if isinstance(data, bytes) else data.encode()
