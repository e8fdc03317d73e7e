"""A program over there on this process's own terminal, or on its pipes.

The thread that called does all reading and writing of the standard streams, so that a slow reader of
our output holds up nobody else; the loop's thread hands it what comes and takes what is typed.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import selectors
import signal
import struct
import termios
import threading
import tty
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from runctl_core.transport.ssh.loop import running, wait_for
from runctl_core.transport.ssh.program import Session, broke, start

if TYPE_CHECKING:
    import asyncssh

    from runctl_core.transport.ssh.connection import Connection

_PIECE = 1 << 16
_MOST_WAITING = 64
"""Pieces of output that may wait for a slow reader of ours before the machine is told to wait."""

Size = tuple[int, int, int, int]


def stream(connection: Connection, what: str, command: str) -> int:
    """Run `command` on the standard streams and return its exit status.

    Raises:
        UnknownOutcome: The connection broke meanwhile.
    """
    on_terminal = os.isatty(0)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    options: dict[str, Any] = {}
    if on_terminal:
        options = {"request_pty": "force", "term_type": os.environ.get("TERM", "xterm"), "term_size": _size()}
    try:
        session, channel = wait_for(
            start(connection, command, lambda: _Streams(asyncio.Event(), wake_write), **options)
        )
        session.channel = channel
        try:
            with _raw(on_terminal), _signals(channel, on_terminal):
                _pump(session, channel, wake_read)
        finally:
            running().call_soon_threadsafe(channel.close)
    finally:
        os.close(wake_read)
        os.close(wake_write)
    if session.status is None:
        raise broke(connection.address, what, session.error)
    return session.status


class _Streams(Session):
    """Hands what comes to the calling thread, and wakes it."""

    def __init__(self, started: asyncio.Event, wake: int) -> None:
        super().__init__(started)
        self.came: deque[tuple[int, bytes]] = deque()
        self.over = False
        self.ready = threading.Event()
        self.ready.set()
        self.channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._wake = wake
        self._held = False

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """It printed something."""
        self.came.append((2 if datatype else 1, data))
        if len(self.came) > _MOST_WAITING and self.channel is not None and not self._held:
            self._held = True
            self.channel.pause_reading()
        self._tell()

    def written(self) -> None:
        """Our reader took everything: the machine may go on."""
        if self._held and self.channel is not None:
            self._held = False
            self.channel.resume_reading()

    def pause_writing(self) -> None:
        """What is typed or piped in has to wait."""
        super().pause_writing()
        self.ready.clear()

    def resume_writing(self) -> None:
        """It may go on."""
        super().resume_writing()
        self.ready.set()
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        super().connection_lost(exc)
        self.over = True
        self.ready.set()
        self._tell()

    def _tell(self) -> None:
        try:
            os.write(self._wake, b"!")
        except (BlockingIOError, OSError):
            return  # it is awake, or gone


def _pump(session: _Streams, channel: asyncssh.SSHClientChannel[bytes], wake: int) -> None:
    loop = running()
    source = _Input()
    with selectors.DefaultSelector() as selector:
        selector.register(wake, selectors.EVENT_READ)
        while True:
            source.watch(selector, wanted=session.ready.is_set())
            at_once = source.at_once and session.ready.is_set()
            ready = {key.fd for key, _ in selector.select(0 if at_once else None)}
            if wake in ready:
                os.read(wake, _PIECE)
            over = session.over  # looked at before the output: nothing comes after it
            while session.came:
                descriptor, data = session.came.popleft()
                _write(descriptor, data)
            loop.call_soon_threadsafe(session.written)
            if over:
                return
            if session.ready.is_set() and (source.at_once or 0 in ready):
                data = source.read()
                loop.call_soon_threadsafe(*((channel.write, data) if data else (channel.write_eof,)))
                if data and source.at_once:
                    _let_it_go(loop)


def _let_it_go(loop: asyncio.AbstractEventLoop) -> None:
    """Wait until what was written has been seen by the channel, which may then ask for patience."""
    done = threading.Event()
    loop.call_soon_threadsafe(done.set)
    done.wait()


class _Input:
    """Standard input: watched when it can be, read at once when it is a file."""

    def __init__(self) -> None:
        self._watched = False
        self._over = False
        self.at_once = False

    def watch(self, selector: selectors.BaseSelector, *, wanted: bool) -> None:
        """Wait for input, or do not."""
        if self.at_once or wanted == self._watched or (wanted and self._over):
            return
        if not wanted:
            selector.unregister(0)
            self._watched = False
            return
        try:
            selector.register(0, selectors.EVENT_READ)
            self._watched = True
        except PermissionError:  # a file, or /dev/null: it never makes anybody wait
            self.at_once = True
        except (OSError, ValueError):  # closed: there is nothing to read, and its end is told
            self.at_once = True

    def read(self) -> bytes:
        """The next piece; empty at the end, after which nothing is asked for any more."""
        try:
            data = os.read(0, _PIECE)
        except OSError:
            data = b""
        if not data:
            self._over = True
            self.at_once = False
        return data


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


@contextmanager
def _raw(on_terminal: bool) -> Iterator[None]:
    """Every key goes to the program over there, Ctrl-C too; afterwards the terminal is as it was."""
    if not on_terminal:
        yield
        return
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextmanager
def _signals(channel: asyncssh.SSHClientChannel[bytes], on_terminal: bool) -> Iterator[None]:
    """Pass on a new size of the terminal, or Ctrl-C where no terminal is passed on; SIGTERM cleans up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = running()

    def resized(*_: object) -> None:
        loop.call_soon_threadsafe(channel.change_terminal_size, *_size())

    def interrupted(*_: object) -> None:
        loop.call_soon_threadsafe(channel.send_signal, "INT")
        signal.signal(signal.SIGINT, signal.default_int_handler)  # many servers pass none on: again leaves

    def ended(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    handlers: dict[int, Callable[..., None]] = {}
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        handlers[signal.SIGTERM] = ended
    if on_terminal:
        handlers[signal.SIGWINCH] = resized
    elif signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        handlers[signal.SIGINT] = interrupted
    before: Mapping[int, Any] = {number: signal.signal(number, act) for number, act in handlers.items()}
    try:
        yield
    finally:
        for number, act in before.items():
            signal.signal(number, act)


def _size() -> Size:
    """Columns, rows, and the pixels of both."""
    rows, columns, width, height = struct.unpack("HHHH", fcntl.ioctl(0, termios.TIOCGWINSZ, b"\0" * 8))
    return columns, rows, width, height
