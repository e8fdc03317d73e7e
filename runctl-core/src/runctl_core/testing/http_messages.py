"""Messages of HTTP/1.1 as they come over a connection: the head understood, the body passed on as it is."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader

from attrs import evolve, frozen

_PIECE_BYTES = 1 << 16
_LINE_BYTES = 1 << 16
_HOP_BY_HOP = ("connection", "keep-alive", "proxy-connection", "expect")


class Malformed(Exception):
    """What came is no message of HTTP/1.1, or it broke off."""


@frozen
class Head:
    """The first lines of a request or an answer.

    Attributes:
        start: The first line, such as `GET /a HTTP/1.1`.
        headers: Names and values, in their order.
    """

    start: str
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """A header's value; empty without it."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def forwarded(self, **changes: str) -> Head:
        """The head for the next connection: without what is about this one, and with some values changed."""
        kept = [(key, value) for key, value in self.headers if key.lower() not in (*_HOP_BY_HOP, *changes)]
        return evolve(self, headers=(*kept, *((key.title(), value) for key, value in changes.items())))

    def encode(self) -> bytes:
        """The head as it goes over a connection."""
        lines = [self.start, *(f"{key}: {value}" for key, value in self.headers), "", ""]
        return "\r\n".join(lines).encode("latin-1")


def read_head(source: BufferedReader) -> Head | None:
    """The next head; None when the connection ended before it. Raises Malformed."""
    start = _line(source)
    if not start:
        return None
    headers = []
    while line := _line(source).strip():
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise Malformed(f"no header: {line!r:.80}")
        headers.append((name.strip(), value.strip()))
    return Head(start.decode("latin-1").strip(), tuple(headers))


def request_body(head: Head, source: BufferedReader) -> Iterator[bytes]:
    """A request's body in pieces, framed as it came."""
    if "chunked" in head.get("transfer-encoding").lower():
        return _chunks(source)
    return _exactly(source, int(head.get("content-length") or 0))


def answer_body(head: Head, method: str, source: BufferedReader) -> tuple[Iterator[bytes], bool]:
    """An answer's body in pieces, framed as it came, and whether only the connection's end ends it."""
    status = head.start.split(" ", 2)[1]
    if method == "HEAD" or status in ("204", "304"):
        return iter(()), False
    if "chunked" in head.get("transfer-encoding").lower():
        return _chunks(source), False
    if length := head.get("content-length"):
        return _exactly(source, int(length)), False
    return iter(lambda: source.read1(_PIECE_BYTES), b""), True


def _line(source: BufferedReader) -> bytes:
    line = source.readline(_LINE_BYTES)
    if line and not line.endswith(b"\n"):
        raise Malformed(f"a line without an end: {line!r:.80}")
    return line


def _exactly(source: BufferedReader, length: int) -> Iterator[bytes]:
    while length:
        piece = source.read1(min(length, _PIECE_BYTES))
        if not piece:
            raise Malformed(f"{length} bytes are missing")
        length -= len(piece)
        yield piece


def _chunks(source: BufferedReader) -> Iterator[bytes]:
    """Chunks with their sizes, and what trails them, byte for byte."""
    size = None
    while size != 0:
        line = _line(source)
        size = int(line.partition(b";")[0], 16) if line.strip() else _missing()
        yield line
        if size:
            yield from _exactly(source, size + 2)
    while line := _line(source):
        yield line
        if not line.strip():
            return


def _missing() -> int:
    raise Malformed("a chunk is missing")
