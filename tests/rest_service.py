"""A REST service on loopback that answers as it is told: with lies, garbage, silence, or not at all."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from attrs import frozen


@frozen
class Request:
    """What the service was sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    client: tuple[str, int]


Act = Callable[[BaseHTTPRequestHandler], None]


def says(status: int, body: Any = b"", **headers: str) -> Act:
    """Answer with bytes, or with a document; `_` stands for the dash of a header's name."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        if status != 204:
            handler.wfile.write(data)

    return act


def resets(handler: BaseHTTPRequestHandler) -> None:
    """Break the connection off, after the request was read."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def breaks_off(handler: BaseHTTPRequestHandler) -> None:
    """Promise a long body, and send its first bytes."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"id": "m-1", ')
    handler.close_connection = True


class Service:
    """The service. Acts are taken in their order, and the last one stays.

    Attributes:
        url: Its address.
        requests: What it was sent, in order.
        over: Set when it ends; an act that hangs waits for it.
    """

    def __init__(self, *acts: Act) -> None:
        self.acts = list(acts)
        self.requests: list[Request] = []
        self.over = threading.Event()
        self._lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = b"".join(iter(self.chunk, b""))
                names = {name.lower(): value for name, value in self.headers.items()}
                with service._lock:
                    service.requests.append(
                        Request(self.command, self.path, names, body, self.client_address)
                    )
                    act = service.acts.pop(0) if len(service.acts) > 1 else service.acts[0]
                act(self)

            def chunk(self) -> bytes:
                data = self.rfile.read(int(self.rfile.readline(), 16))
                self.rfile.readline()
                return data

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Say nothing: the client may break off."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def hangs(self, _: BaseHTTPRequestHandler) -> None:
        """Never answer."""
        self.over.wait()

    def drips(self, handler: BaseHTTPRequestHandler) -> None:
        """Send a body a byte at a time, without an end."""
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not self.over.wait(0.05):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    def close(self) -> None:
        """End it."""
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
