"""Pickles, read to their end without a machine that would run them: instruction by instruction, whatever
the instructions are, until the one that stops. The bytes of large values are skipped.
"""

from __future__ import annotations

import os
import pickletools
import struct
from collections.abc import Iterator
from typing import BinaryIO

from runctl_core.checkpoints.contents import Advance
from runctl_core.checkpoints.regular import opened
from runctl_core.checkpoints.verdict import Finding

_STOP = ord(".")
_PROTO = b"\x80"
_LENGTHS = {-2: "<B", -3: "<i", -4: "<I", -5: "<Q"}
"""How the length of an argument is written, by the number that `pickletools` has for it."""

_TO_NEWLINE = -1
_TWO_LINES = "stringnl_noescape_pair"
_ARGUMENTS = {
    ord(code.code): (
        code.arg.n if code.arg else 0,
        1 + (code.arg is not None and code.arg.name == _TWO_LINES),
    )
    for code in pickletools.opcodes
}
"""By instruction: the size of its argument or how it is told, and how many lines it would be."""

_SHORT_BYTES = 256
_LINE_BYTES = 1 << 16
_REPORT_BYTES = 1 << 20
_JOBLIB = b"NumpyArrayWrapper"


class _Cut(Exception):
    """The stream is no pickle from here on; the message says why."""


class _Interleaved(Exception):
    """What follows is not written by the rules of pickle."""


def check(path: str, file: str, advance: Advance) -> Iterator[Finding]:
    """What is wrong with a file of pickles, or cannot be told. Raises OSError."""
    with opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        binary = stream.read(1) == _PROTO
        stream.seek(0)
        begin = 0
        while begin < size:
            try:
                _follow(stream, size, advance)
            except _Interleaved as error:
                yield Finding(file, str(error), damage=False)
                return
            except _Cut as error:
                # Only a first pickle that says its protocol is surely meant as one.
                yield Finding(file, str(error), f"byte {stream.tell()}", damage=binary and not begin)
                return
            begin = stream.tell()


def _follow(stream: BinaryIO, size: int, advance: Advance) -> None:
    """Go on behind the next instruction that stops. Raises _Cut, _Interleaved, OSError."""
    reported = stream.tell()
    while code := stream.read(1):
        if code[0] == _STOP:
            advance(stream.tell() - reported)
            return
        argument = _ARGUMENTS.get(code[0])
        if argument is None:
            raise _Cut(f"{code!r} is no instruction of a pickle")
        _skip(stream, size, *argument)
        if (at := stream.tell()) - reported >= _REPORT_BYTES:
            advance(at - reported)
            reported = at
    raise _Cut("cut short: its last instruction is missing")


def _skip(stream: BinaryIO, size: int, length: int, lines: int) -> None:
    """Go on behind an argument."""
    if length == _TO_NEWLINE:
        for _ in range(lines):
            _skip_line(stream)
        return
    if length < 0:
        form = _LENGTHS[length]
        (length,) = struct.unpack(form, _exactly(stream, struct.calcsize(form)))
    if length < 0 or stream.tell() + length > size:
        raise _Cut(f"cut short: {length} bytes should follow")
    if length > _SHORT_BYTES:
        stream.seek(length, os.SEEK_CUR)
    elif _JOBLIB in stream.read(length):
        raise _Interleaved("joblib puts the bytes of arrays between its instructions")


def _skip_line(stream: BinaryIO) -> None:
    while not (line := stream.readline(_LINE_BYTES)).endswith(b"\n"):
        if not line:
            raise _Cut("cut short: a line does not end")


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise _Cut("cut short: the length of a value is missing")
    return data
