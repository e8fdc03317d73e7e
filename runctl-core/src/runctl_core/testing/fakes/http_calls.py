"""One HTTP call to the fake cloud: routes, the key, documents, and how each fault looks on the wire."""

from __future__ import annotations

import json
import re
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from runctl_core.errors import RunctlError
from runctl_core.testing.fakes.errors import CloudError

if TYPE_CHECKING:
    from runctl_core.testing.fakes.http import HttpCloud

STATUS = {
    "unauthenticated": 401,
    "no_funds": 402,
    "quota": 403,
    "not_found": 404,
    "no_capacity": 409,
    "refused": 409,
    "bad_state": 409,
    "invalid": 422,
    "rate_limit": 429,
    "server_error": 500,
}
"""The status of each code."""

_SPOOL = 1 << 20


class Call:
    """What was asked.

    Attributes:
        id: The id in the path; empty without one.
        query: The query's parameters.
        body: The body's bytes, from their start on.
    """

    def __init__(self, place: str, query: dict[str, str], body: IO[bytes]) -> None:
        self.id = place
        self.query = query
        self.body = body

    def document(self) -> dict[str, Any]:
        """The body as an object; empty when there is none. Raises CloudError `invalid`."""
        data = self.body.read()
        try:
            value = json.loads(data) if data else {}
        except ValueError as error:
            raise CloudError("invalid", "the body is no JSON") from error
        if not isinstance(value, dict):
            raise CloudError("invalid", "the body is no object")
        return value


Act = Callable[["HttpCloud", Call], Any]
"""Gives the document to be sent, bytes, an open file to be sent and closed, or None for nothing."""


def _pack(cloud: HttpCloud, call: Call) -> IO[bytes]:
    archive = tempfile.SpooledTemporaryFile(_SPOOL)  # noqa: SIM115  closed when it is sent
    cloud.job(call.id, lambda job: job.pack(call.query.get("path", "."), archive))
    archive.seek(0)
    return archive


def _log(cloud: HttpCloud, call: Call) -> bytes:
    offset, limit = (_number(call.query.get(name, default)) for name, default in _LOG.items())
    return cloud.job(call.id, lambda job: job.log(offset, limit, call.query.get("log", "job")))


_LOG = {"offset": "0", "limit": str(1 << 20)}


def _number(text: str) -> int:
    if not text.isdecimal():
        raise CloudError("invalid", f"{text!r} is no number of bytes")
    return int(text)


def _start(cloud: HttpCloud, call: Call) -> dict[str, Any]:
    document = call.document()
    cloud.job(call.id, lambda job: job.start(document), starts=True)
    return {}


def _cancel(cloud: HttpCloud, call: Call) -> dict[str, Any]:
    grace_s = call.document().get("grace_s", 10)
    if not isinstance(grace_s, int | float):
        raise CloudError("invalid", f"{grace_s!r} are no seconds")
    cloud.job(call.id, lambda job: job.cancel(grace_s))
    return {}


_ID = r"/(?P<id>[\w-]+)"
ROUTES: list[tuple[str, re.Pattern[str], Act]] = [
    (method, re.compile(path), act)
    for method, path, act in (
        ("GET", "/offers", lambda cloud, call: cloud.page("offers", call.query.get("cursor", ""))),
        ("GET", "/machines", lambda cloud, call: cloud.page("machines", call.query.get("cursor", ""))),
        ("POST", "/machines", lambda cloud, call: cloud.create_from(call.document(), "machine")),
        ("GET", f"/machines{_ID}", lambda cloud, call: cloud.get(call.id)),
        ("DELETE", f"/machines{_ID}", lambda cloud, call: cloud.terminate(call.id)),
        ("POST", f"/machines{_ID}/stop", lambda cloud, call: cloud.stop(call.id)),
        ("POST", f"/machines{_ID}/start", lambda cloud, call: cloud.start(call.id)),
        ("GET", "/jobs", lambda cloud, call: cloud.page("jobs", call.query.get("cursor", ""))),
        ("POST", "/jobs", lambda cloud, call: cloud.create_from(call.document(), "job")),
        ("GET", f"/jobs{_ID}", lambda cloud, call: cloud.reserved(call.id)),
        ("DELETE", f"/jobs{_ID}", lambda cloud, call: cloud.terminate(call.id)),
        ("PUT", f"/jobs{_ID}/code", lambda cloud, call: cloud.unpack(call.id, call.body, "code")),
        ("PUT", f"/jobs{_ID}/checkpoint", lambda cloud, call: cloud.unpack(call.id, call.body, "checkpoint")),
        ("POST", f"/jobs{_ID}/start", _start),
        ("GET", f"/jobs{_ID}/log", _log),
        ("POST", f"/jobs{_ID}/cancel", _cancel),
        ("GET", f"/jobs{_ID}/files", _pack),
    )
]


class Connections:
    """The open ones, so that they can be cut."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    def add(self, connection: socket.socket) -> None:
        """Remember one."""
        with self._lock:
            self._open.add(connection)

    def remove(self, connection: socket.socket) -> None:
        """Forget one that is over."""
        with self._lock:
            self._open.discard(connection)

    def cut(self) -> None:
        """Cut them all."""
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # over already


def handler(cloud: HttpCloud, connections: Connections) -> type[BaseHTTPRequestHandler]:
    """The class that answers for a cloud."""

    class Handler(_Handler):
        pass

    Handler.cloud, Handler.connections = cloud, connections
    return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "fake-cloud"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    cloud: HttpCloud
    connections: Connections

    def setup(self) -> None:
        super().setup()
        self.connections.add(self.connection)

    def finish(self) -> None:
        self.connections.remove(self.connection)
        try:
            super().finish()
        except OSError:
            return  # the client is gone

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True  # the client is gone

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _answer(self) -> None:
        with tempfile.SpooledTemporaryFile(_SPOOL) as body:
            for piece in self._body():
                body.write(piece)
            body.seek(0)
            time.sleep(self.cloud.reply_delay_s)
            try:
                answer = self._act(body)
            except CloudError as error:
                self._problem(error)
            except RunctlError as error:
                self._problem(CloudError("bad_state", error.summary))
            except ConnectionResetError:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._drop()
            except TimeoutError:
                self._drop()
            except ValueError:
                self._send(200, "text/html", b"<html><body>It works!</body></html>")
            else:
                self._succeed(answer)

    def _act(self, body: IO[bytes]) -> Any:
        if self.headers.get("Authorization") != f"Bearer {self.cloud.api_key}":
            raise CloudError("unauthenticated", "the key is not known")
        asked = urlsplit(self.path)
        for method, path, act in ROUTES:
            found = path.fullmatch(asked.path)
            if found and method == self.command:
                place = found.groupdict().get("id", "")
                return act(self.cloud, Call(place, dict(parse_qsl(asked.query)), body))
        raise CloudError("not_found", f"there is no {self.command} {asked.path}")

    def _body(self) -> Any:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline() not in (b"\r\n", b"\n", b""):
                continue
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left and (piece := self.rfile.read(min(left, _SPOOL))):
            left -= len(piece)
            yield piece

    def _succeed(self, answer: Any) -> None:
        if answer is None:
            self._send(204, "", b"")
        elif isinstance(answer, bytes):
            self._send(200, "application/octet-stream", answer)
        elif isinstance(answer, dict):
            self._send(200, "application/json", json.dumps(answer).encode())
        else:
            with answer:
                self._send(200, "application/x-tar", answer.read())

    def _problem(self, error: CloudError) -> None:
        status = STATUS[error.code]
        title = self.responses[status][0] if status in self.responses else error.code
        problem = {"type": "about:blank", "title": title, "status": status, "code": error.code}
        body = json.dumps({**problem, "detail": str(error)}).encode()
        wait = error.retry_after_s
        self._send(status, "application/problem+json", body, None if wait is None else str(round(wait)))

    def _send(self, status: int, kind: str, body: bytes, retry_after: str | None = None) -> None:
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _drop(self) -> None:
        """Close without a reply: with a reset where that was asked for."""
        self.close_connection = True
