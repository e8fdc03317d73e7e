"""Pickles, read to their end without a machine that would run them: instruction by instruction, whatever
the instructions are, until the one that stops. The bytes of values are skipped.
"""

from __future__ import annotations

import os
import pickletools
from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO

from runctl_core.checkpoints.contents import Advance
from runctl_core.checkpoints.regular import opened
from runctl_core.checkpoints.verdict import Finding

_PROTO = 0x80
_STOP = ord(".")
_TO_NEWLINE = -1
_LENGTHS = {-2: Struct("<B"), -3: Struct("<i"), -4: Struct("<I"), -5: Struct("<Q")}
"""How the length of an argument is written, by the number that `pickletools` has for it."""

_OPCODES = {ord(opcode.code): opcode.arg for opcode in pickletools.opcodes}
_FORMS = {code: _LENGTHS[arg.n] for code, arg in _OPCODES.items() if arg and arg.n in _LENGTHS}
_LINES = {
    code: 2 if arg.name == "stringnl_noescape_pair" else 1
    for code, arg in _OPCODES.items()
    if arg and arg.n == _TO_NEWLINE
}
_WIDTHS = [0] * 256
"""Bytes of each instruction with its argument; 0 for one that stops, is unknown, or tells its length."""

for _code, _arg in _OPCODES.items():
    if _code != _STOP and _code not in _FORMS and _code not in _LINES:
        _WIDTHS[_code] = 1 + (_arg.n if _arg else 0)

_CHUNK_BYTES = 1 << 20
_JOBLIB = b"NumpyArrayWrapper"


class _Cut(Exception):
    """It is no pickle from here on.

    Args:
        at: The byte.
        behind: Where the last whole pickle ends; 0 for none.
        why: What is wrong there.
    """

    def __init__(self, at: int, behind: int, why: str) -> None:
        super().__init__(why)
        self.at = at
        self.behind = behind


def check(path: str, file: str, advance: Advance) -> Iterator[Finding]:
    """What is wrong with a file of pickles, or cannot be told. Raises OSError."""
    with opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        binary = stream.read(1) == bytes([_PROTO])
        try:
            _follow(stream, size, advance)
        except _Cut as error:
            if _mentions_joblib(stream, error.at):
                why = "joblib puts the bytes of arrays between its instructions"
                yield Finding(file, why, damage=False)
                return
            # Only a first pickle that says its protocol is surely meant as one.
            yield Finding(file, str(error), f"byte {error.at}", damage=binary and not error.behind)


def _follow(stream: BinaryIO, size: int, advance: Advance) -> None:
    """Go through every pickle in a file, up to its end. Raises _Cut, OSError."""
    at = whole = 0
    while at < size:
        stream.seek(at)
        chunk = stream.read(_CHUNK_BYTES)
        length, stopped = _followed(chunk, at, whole)
        if not length and at + len(chunk) < size:
            length = _long_lines(stream, at, _LINES[chunk[0]])
        if not length:
            raise _Cut(size, whole, f"cut short: the value at byte {at} goes on")
        if (lacking := at + length - size) > 0:
            raise _Cut(size, whole, f"cut short: {lacking} more bytes should follow")
        whole = at + stopped if stopped else whole
        at += length
        advance(length)
    if whole < size:
        raise _Cut(size, whole, "cut short: its last instruction is missing")


def _followed(chunk: bytes, begin: int, whole: int) -> tuple[int, int]:
    """How many bytes of a chunk, and behind it, are whole instructions; and where the last pickle ends
    that ends in it, 0 for none."""
    index, stopped, end, widths = 0, 0, len(chunk), _WIDTHS
    while index < end:
        code = chunk[index]
        if width := widths[code]:
            index += width
        elif code == _STOP:
            index += 1
            stopped = index
        elif (form := _FORMS.get(code)) or code in _LINES:
            if (after := _behind_argument(chunk, index, form)) is None:
                break
            if after < 0:
                raise _Cut(begin + index, whole + stopped, "a value of less than no bytes")
            index = after
        else:
            raise _Cut(begin + index, whole + stopped, f"{bytes([code])!r} is no instruction of a pickle")
    return index, stopped


def _behind_argument(chunk: bytes, index: int, form: Struct | None) -> int | None:
    """Where the next instruction is, maybe behind the chunk, -1 for nowhere; None when the chunk does
    not tell.

    Args:
        chunk: What was read.
        index: Where the instruction is in it.
        form: How the length of its argument is written; None for lines.
    """
    after = index + 1
    if form:
        after += form.size
        if after > len(chunk):
            return None
        (length,) = form.unpack_from(chunk, index + 1)
        return -1 if length < 0 else after + int(length)
    for _ in range(_LINES[chunk[index]]):
        after = chunk.find(b"\n", after) + 1
        if not after:
            return None
    return after


def _long_lines(stream: BinaryIO, at: int, lines: int) -> int:
    """How long an instruction is whose lines are longer than a chunk; 0 when one does not end."""
    stream.seek(at + 1)
    for _ in range(lines):
        while not (line := stream.readline(_CHUNK_BYTES)).endswith(b"\n"):
            if not line:
                return 0
    return stream.tell() - at


def _mentions_joblib(stream: BinaryIO, end: int) -> bool:
    """Whether a name is in the file before this byte that only joblib writes."""
    stream.seek(0)
    tail = b""
    while stream.tell() < end + _CHUNK_BYTES and (chunk := stream.read(_CHUNK_BYTES)):
        if _JOBLIB in tail + chunk:
            return True
        tail = chunk[-len(_JOBLIB) :]
    return False
