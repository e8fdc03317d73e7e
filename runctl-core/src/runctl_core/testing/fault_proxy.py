"""`FaultProxy`: stands in front of any HTTP API, and lets calls go wrong as real networks and clouds do.

What it does not spoil goes through as it is: streams, events, chunks, bodies of any size. It is for tests
on this computer: it listens on the loopback interface alone.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BufferedReader
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import frozen

from runctl_core.testing.cloud import Fault
from runctl_core.testing.http_messages import Head, Malformed, answer_body, read_head, request_body
from runctl_core.testing.proxy_faults import Mishap, MishapScript, Reset, mishap_of

_MASK = "***"
_SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key")
_SECRET_WORDS = ("key", "token", "secret", "password", "signature")
_CONNECT_S = 10.0
_GARBLED = b'{"oops": '
_RST = struct.pack("ii", 1, 0)


@frozen
class ProxiedCall:
    """A call that came through the proxy. Secrets are masked in it.

    Attributes:
        method: Such as `POST`.
        path: The path below the API's base URL, with its query.
        headers: Names and values, in their order.
        status: The answer's; None when the call got none.
        mishap: What the proxy did to it; None for nothing.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    status: int | None
    mishap: Mishap | None


class FaultProxy:
    """A context manager: `with FaultProxy("http://127.0.0.1:8000") as proxy: … proxy.url …`.

    Args:
        base_url: The API's base URL, `http` or `https`.
        seed: What `chaos` draws from.
    """

    def __init__(self, base_url: str, *, seed: int = 0) -> None:
        self._target = urlsplit(base_url.rstrip("/"))
        self._script = MishapScript(seed)
        self._lock = threading.Lock()
        self._journal: list[ProxiedCall] = []
        self._open: set[socket.socket] = set()
        self._over = threading.Event()
        self._server: socket.socket | None = None

    def __enter__(self) -> Self:
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, args=(self._server,), name="fault proxy", daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        with self._lock:
            ends = [*self._open, *([self._server] if self._server else [])]
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    @property
    def url(self) -> str:
        """What the client is given instead of the API's base URL."""
        if self._server is None:
            raise RuntimeError("with FaultProxy(…) as proxy: it has no URL before that")
        return f"http://127.0.0.1:{self._server.getsockname()[1]}{self._target.path}"

    def inject(
        self,
        match: str,
        fault: Fault | None = None,
        *,
        status: int | None = None,
        retry_after: str | float | None = None,
        body: bytes = b"",
        reset: Reset | None = None,
        delay_s: float = 0.0,
        garbled: bool = False,
        times: int = 1,
    ) -> None:
        """Let the next `times` calls that match go wrong, by a fault's name or by what happens.

        Args:
            match: A method and a path below the base URL, such as `POST /machines`; `*` stands for anything.
            fault: One that looks alike at every API.
            status: Answer so, and do not carry the call out.
            retry_after: Seconds, or a date as HTTP writes it, in that answer.
            body: That answer's body.
            reset: Break the connection `before` the call is carried out, or `after` it, without a reply.
            delay_s: Wait so long first.
            garbled: Carry it out, and answer with half a document.
            times: How many calls.

        Raises:
            Unsupported: Each API has its own words for that fault.
        """
        after = None if retry_after is None else str(retry_after)
        said = Mishap(status, after, body, reset, delay_s, garbled)
        self._script.add(match, mishap_of(fault) if fault else said, times)

    def chaos(self, match: str = "* *", *, share: float = 0.2) -> None:
        """Let a share of the calls that match go wrong, each in a way drawn from the seed; 0 ends it."""
        self._script.draw(match, share)

    def clear(self) -> None:
        """Take back what has not struck yet."""
        self._script.clear()

    @property
    def pending(self) -> int:
        """How many injected faults have not struck yet."""
        return self._script.pending

    @property
    def replay(self) -> str:
        """How the same faults strike again: the seed, and what struck."""
        return self._script.replay

    @property
    def journal(self) -> Sequence[ProxiedCall]:
        """Every call that is over, in the order of their ends."""
        with self._lock:
            return tuple(self._journal)

    # Connections

    def _accept(self, server: socket.socket) -> None:
        while not self._over.is_set():
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), name="fault proxy", daemon=True).start()

    @contextmanager
    def _held(self, end: socket.socket) -> Iterator[socket.socket]:
        """Keep a connection where `__exit__` finds it, and close it afterwards."""
        with self._lock:
            self._open.add(end)
        try:
            yield end
        finally:
            with self._lock:
                self._open.discard(end)
            end.close()

    def _serve(self, client: socket.socket) -> None:
        with self._held(client), suppress(OSError, ValueError, Malformed), client.makefile("rb") as source:
            while not self._over.is_set() and (head := read_head(source)):
                if not self._answer(client, head, source):
                    return

    def _answer(self, client: socket.socket, head: Head, source: BufferedReader) -> bool:
        """Answer one call; whether the connection may be used for another."""
        method, path, _ = head.start.split(" ", 2)
        below = path.removeprefix(self._target.path)
        mishap = self._script.next(method, below.partition("?")[0]) or Mishap()
        self._over.wait(mishap.delay_s) if mishap.delay_s else None
        if head.get("expect"):
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        status: int | None = None
        try:
            if mishap.reset == "before":
                _break(client)
                return False
            if mishap.status:
                for _ in request_body(head, source):
                    pass  # a client that still sends would see a broken connection instead
                status = mishap.status
                client.sendall(_own_answer(mishap))
                return True
            status, lasts = self._pass_on(client, head, source, mishap)
            return lasts
        finally:
            self._note(method, below, head, status, mishap)

    def _pass_on(
        self, client: socket.socket, head: Head, source: BufferedReader, mishap: Mishap
    ) -> tuple[int | None, bool]:
        """Let the API answer; the answer's status, and whether the connection may be used again."""
        with self._held(self._connect()) as target, target.makefile("rb") as answers:
            host = self._target.netloc.rpartition("@")[2]
            target.sendall(head.forwarded(host=host, connection="close").encode())
            for piece in request_body(head, source):
                target.sendall(piece)
            answer = read_head(answers)
            while answer and answer.start.split(" ", 2)[1].startswith("1"):
                answer = read_head(answers)
            if answer is None:
                _break(client)
                return None, False
            body, until_closed = answer_body(answer, head.start.split(" ", 1)[0], answers)
            status = int(answer.start.split(" ", 2)[1])
            if mishap.reset == "after":
                for _ in body:
                    pass
                _break(client)
                return None, False
            if mishap.garbled:
                for _ in body:
                    pass
                client.sendall(_garbled(answer))
                return status, True
            client.sendall(answer.forwarded(**({"connection": "close"} if until_closed else {})).encode())
            for piece in body:
                client.sendall(piece)
            return status, not until_closed

    def _connect(self) -> socket.socket:
        secure = self._target.scheme == "https"
        port = self._target.port or (443 if secure else 80)
        target = socket.create_connection((self._target.hostname or "", port), _CONNECT_S)
        target.settimeout(None)
        if secure:
            import ssl

            return ssl.create_default_context().wrap_socket(target, server_hostname=self._target.hostname)
        return target

    def _note(self, method: str, path: str, head: Head, status: int | None, mishap: Mishap) -> None:
        headers = tuple((k, _MASK if k.lower() in _SECRET_HEADERS else v) for k, v in head.headers)
        struck = mishap if mishap != Mishap() else None
        with self._lock:
            self._journal.append(ProxiedCall(method, _masked(path), headers, status, struck))


def _masked(path: str) -> str:
    before, question, query = path.partition("?")
    if not question:
        return path
    pairs = parse_qsl(query, keep_blank_values=True)
    return f"{before}?{urlencode([(k, _MASK if _secret(k) else v) for k, v in pairs], safe='*')}"


def _secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET_WORDS)


def _own_answer(mishap: Mishap) -> bytes:
    lines = [f"HTTP/1.1 {mishap.status} Injected", f"Content-Length: {len(mishap.body)}"]
    lines += [f"Retry-After: {mishap.retry_after}"] if mishap.retry_after is not None else []
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + mishap.body


def _garbled(answer: Head) -> bytes:
    headers = (("Content-Type", answer.get("content-type")), ("Content-Length", str(len(_GARBLED))))
    return Head(answer.start, headers).encode() + _GARBLED


def _break(client: socket.socket) -> None:
    """Close a connection so that the other side sees it reset. What it still sends is not read."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
    client.close()
