"""A TCP proxy that cuts connections: after so many bytes, drawn from a seed, in either direction.

with cutting(server.port, cuts=draws(random.Random(7), 2000)) as proxy:
    SSHTransport("127.0.0.1", port=proxy.port, ...)
"""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from attrs import frozen

_PIECE = 1 << 16


@frozen
class Cut:
    """Where a connection is cut: after `bytes` in one direction, towards the server or back."""

    bytes: int
    towards_server: bool


def draws(chance: random.Random, most_bytes: int) -> Iterator[Cut]:
    """Cuts without end at random offsets up to `most_bytes`, in either direction."""
    while True:
        yield Cut(chance.randrange(most_bytes), chance.random() < 0.5)


class Cutting:
    """The proxy.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        cuts: How many connections it has cut.
    """

    def __init__(self, target_port: int, cuts: Iterator[Cut]) -> None:
        self.cuts = 0
        self._target_port = target_port
        self._cuts = cuts
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                here, _ = self._listening.accept()
            except OSError:
                return
            there = socket.create_connection(("127.0.0.1", self._target_port))
            for end in (here, there):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                cut = next(self._cuts, None)
            for source, target, towards in ((here, there, True), (there, here, False)):
                most = cut.bytes if cut and cut.towards_server == towards else None
                threading.Thread(target=self._carry, args=(source, target, most), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, most: int | None) -> None:
        carried = 0
        with suppress(OSError):
            while data := source.recv(_PIECE):
                if most is not None and carried + len(data) > most:
                    target.sendall(data[: most - carried])
                    self._cut(source, target)
                    return
                target.sendall(data)
                carried += len(data)
            target.shutdown(socket.SHUT_WR)

    def _cut(self, *ends: socket.socket) -> None:
        """Reset both ends, as a network does that is gone."""
        with self._lock:
            self.cuts += 1
        for end in ends:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def cutting(target_port: int, cuts: Iterator[Cut]) -> Iterator[Cutting]:
    """A proxy in front of a port of this computer; each connection takes the next of `cuts`."""
    proxy = Cutting(target_port, cuts)
    try:
        yield proxy
    finally:
        proxy.close()
