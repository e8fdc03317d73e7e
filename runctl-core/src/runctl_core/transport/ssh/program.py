"""A program over there: its command line, its input in pieces, its output, and how it ended."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from runctl_core.errors import ProviderUnavailable, RunctlError, UnknownOutcome
from runctl_core.transport import Completed
from runctl_core.transport.ssh.loop import running
from runctl_core.transport.ssh.trouble import is_gone, open_failed

if TYPE_CHECKING:
    import asyncssh

    from runctl_core.transport.ssh.address import Address
    from runctl_core.transport.ssh.connection import Connection

_PLAIN = re.compile(r"[A-Za-z0-9_./-]+")
_PIECE = 1 << 18
_SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "ABRT": 6, "FPE": 8, "KILL": 9, "SEGV": 11}
_SIGNALS |= {"PIPE": 13, "ALRM": 14, "TERM": 15, "USR1": 10, "USR2": 12, "BUS": 7, "TRAP": 5, "XCPU": 24}
_PIECES_WAITING = 4
_SHORT_S = 60.0
_PATIENCE_S, _PAUSE_S = 5.0, 0.1


def command_line(argv: Sequence[str]) -> str:
    """The words as one line that sh, bash, zsh and fish take apart again alike, to replace themselves by it.

    The quoting of `shlex` is not enough: fish has escapes inside single quotes, zsh expands `=word`.
    """
    return "exec " + " ".join(map(quoted, argv))


def quoted(word: str) -> str:
    """A word that no shell looks into."""
    if _PLAIN.fullmatch(word):
        return word
    parts = re.split(r"(['\\])", word)
    inside = {"'": '"\'"', "\\": '"\\\\"'}
    return "".join(inside.get(part) or f"'{part}'" for part in parts if part) or "''"


class Feed:
    """A program's input: made in the caller's thread, and sent as fast as the program takes it.

    It is made from when the program was asked for: the two threads would else hold each other up, and the
    program would start later.
    """

    def __init__(self, input: bytes | Iterable[bytes]) -> None:
        self._pieces: Iterable[bytes] = [input] if isinstance(input, bytes) else input
        self._room = threading.Semaphore(_PIECES_WAITING)
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._wanted = threading.Event()
        self._over = False

    def begin(self) -> None:
        """The program was asked for."""
        self._wanted.set()

    def hand_over(self) -> None:
        """In the caller's thread: hand over every piece, as long as somebody wants them."""
        self._wanted.wait()
        if self._over:
            return
        loop = running()
        for piece in self._pieces:
            self._room.acquire()
            if self._over:
                return
            loop.call_soon_threadsafe(self._waiting.put_nowait, piece)
        loop.call_soon_threadsafe(self._waiting.put_nowait, None)

    async def send(self, channel: asyncssh.SSHClientChannel[bytes], session: Session) -> None:
        """In the loop: send what was handed over."""
        while (piece := await self._waiting.get()) is not None:
            for part in _cut(piece):
                await session.writable.wait()
                if session.ended.is_set():
                    return
                channel.write(part)
            self._room.release()
        channel.write_eof()

    def end(self) -> None:
        """Nobody wants more."""
        self._over = True
        self._wanted.set()
        self._room.release()


def run(
    connection: Connection, argv: Sequence[str], input: bytes | Iterable[bytes], timeout_s: float | None
) -> Completed:
    """See `Transport.run`."""
    feed = Feed(input)
    future = asyncio.run_coroutine_threadsafe(_in_time(connection, argv, feed, timeout_s), running())
    try:
        feed.hand_over()
        return future.result()
    except BaseException:
        future.cancel()
        raise


async def ran(connection: Connection, argv: Sequence[str]) -> Completed:
    """The end of a short program without input, for those who are in the loop already."""
    feed = Feed(b"")
    feed.begin()
    feed.hand_over()
    return await _in_time(connection, argv, feed, _SHORT_S)


async def _in_time(
    connection: Connection, argv: Sequence[str], feed: Feed, timeout_s: float | None
) -> Completed:
    started = asyncio.Event()
    try:
        async with asyncio.timeout(timeout_s):
            await connection.opened()  # which makes the semaphore of this loop
            async with connection.sessions:
                return await _run(connection, argv, feed, started)
    except TimeoutError as error:
        after = f"within {timeout_s:.0f} s"
        if started.is_set():
            raise UnknownOutcome(f"{argv[0]} did not end {after}", why="it may go on there") from error
        raise ProviderUnavailable(
            f"{argv[0]} could not be started {after}",
            why=f"{connection.address} does not answer, or is busy with other programs",
            fix=f"ssh {connection.address.host} must work; try again",
        ) from error
    finally:
        feed.end()


async def _run(connection: Connection, argv: Sequence[str], feed: Feed, started: asyncio.Event) -> Completed:
    session, channel = await start(connection, command_line(argv), lambda: Collector(started))
    feed.begin()
    feeding = asyncio.create_task(feed.send(channel, session))

    def fed(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            channel.close()  # a program that never sees the end of its input may never end

    feeding.add_done_callback(fed)
    try:
        await session.ended.wait()
    except BaseException:
        channel.kill()  # before its input ends, which it could take for whole
        channel.close()
        raise
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])
    failed = None if feeding.cancelled() else feeding.exception()
    if failed is not None and not is_gone(failed):
        raise failed
    if session.status is None:
        raise broke(connection.address, argv[0], session.error)
    return Completed(session.status, bytes(session.stdout), bytes(session.stderr))


def broke(address: Address, what: str, error: BaseException | None) -> RunctlError:
    """The connection broke while a program ran."""
    return UnknownOutcome(
        f"the connection to {address} broke while {what} ran",
        why=str(error or "it was closed without an exit status"),
        fix=f"ssh {address.host} must work; see what was done there, then try again",
    )


S = TypeVar("S", bound="Session")


async def start(
    connection: Connection, command: str, make: Callable[[], S], **options: Any
) -> tuple[S, asyncssh.SSHClientChannel[bytes]]:
    """Start a program, on a new connection when the old one turns out to be broken.

    Raises:
        ProviderUnavailable: It was not started.
        UnknownOutcome: The connection broke when it was being started.
    """
    tries, patience = 0, _PATIENCE_S
    while True:
        opened = await connection.opened()
        import asyncssh  # there, once a connection is

        session = make()
        factory: Any = lambda made=session: made  # noqa: E731
        try:
            channel, _ = await opened.create_session(factory, command, encoding=None, **options)
            return session, channel
        except (asyncssh.Error, OSError) as error:
            if session.started.is_set() and session.ended.is_set():
                connection.drop(opened)
                raise broke(connection.address, command.split()[1], error) from error
            if is_gone(error) and not tries:
                tries += 1
                connection.drop(opened)
            elif isinstance(error, asyncssh.ChannelOpenError) and not is_gone(error) and patience > 0:
                patience -= _PAUSE_S  # a server takes a moment to count a program that has ended
                await asyncio.sleep(_PAUSE_S)
            else:
                raise open_failed(connection.address, error) from error


def _cut(data: bytes) -> Iterator[bytes]:
    view = memoryview(data)
    for begin in range(0, len(data), _PIECE):
        yield bytes(view[begin : begin + _PIECE])


class Session:
    """What asyncssh calls back about a program that runs.

    Attributes:
        started: Set as soon as it may run.
        status: The exit status, 128 + N for signal N; None when it is not known.
        error: What broke the connection.
        ended: Set when all is known.
        writable: Whether more input may be sent.
    """

    def __init__(self, started: asyncio.Event) -> None:
        self.started = started
        self.status: int | None = None
        self.error: Exception | None = None
        self.ended = asyncio.Event()
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, *_: object) -> None:
        """The channel is open; the program is asked for next."""
        self.started.set()

    def session_started(self) -> None:
        """The server has started it."""

    def eof_received(self) -> bool:
        """It prints no more. True keeps its input open."""
        return True

    def pause_writing(self) -> None:
        """It does not take its input as fast as we send it."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """It takes more."""
        self.writable.set()

    def exit_status_received(self, status: int) -> None:
        """It ended by itself."""
        self.status = status

    def exit_signal_received(self, signal: str, *_: object) -> None:
        """A signal ended it. SSH names signals, and leaves out the rarer ones."""
        self.status = 128 + _SIGNALS.get(signal, 0)

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed, after the program's end or with the connection."""
        self.error = exc
        self.writable.set()
        self.ended.set()


class Collector(Session):
    """Keeps what the program prints."""

    def __init__(self, started: asyncio.Event) -> None:
        super().__init__(started)
        self.stdout = bytearray()
        self.stderr = bytearray()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """It printed something."""
        (self.stderr if datatype else self.stdout).extend(data)
