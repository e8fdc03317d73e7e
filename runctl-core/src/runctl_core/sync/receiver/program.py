"""One call of a sender: a manifest comes on standard input, an answer goes to standard output."""

from __future__ import annotations

import errno
import marshal
import os
import sys
from binascii import crc32

from .files import CutShort, name_in, sized
from .members import Unsafe
from .spare import prepare_in_background
from .store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import BinaryIO

MARK = b"\0runctl-sync\0"
"""Before the answer: what a shell's start-up files print comes before it."""


def answer(target: str, given: BinaryIO) -> list[bytes]:
    """The tree of a manifest below a folder, or which contents are missing for it.

    `given` has 16 letters that name the content; the manifest after its length in 8 bytes; the same of a list
    of members that come; and for each of them when it was changed, in 8 bytes, its content, and the hash of
    it where the manifest has none. In that case the name comes last, and what comes first names nothing.
    """
    try:
        place = os.fsencode(os.path.abspath(os.path.expanduser(target)))
        name, manifest, listed = name_in(given), sized(given), sized(given)
        return Store(place, name, manifest).brought([int(number) for number in listed.split()], given)
    except Unsafe as error:
        return [b"unsafe", str(error).encode("utf-8", "surrogateescape")]
    except CutShort:
        return [b"cut"]
    except OSError as error:
        kind = b"full" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else b"refused"
        name = os.fsencode(error.filename) if error.filename else place
        return [kind, name, os.fsencode(error.strerror or str(error))]


def main(codes: list[tuple[str, CodeType]], kept: str, is_kept: bool, given: BinaryIO) -> None:
    """Answer to the target, the last word of the command line.

    Args:
        codes: This program, compiled.
        kept: Where that may lie for the next call.
        is_kept: Whether it lies there.
        given: What the sender says.
    """
    words = answer(sys.argv[-1], given)
    sys.stdout.buffer.write(MARK + b"\0".join(words))
    sys.stdout.buffer.flush()
    if words[0] == b"tree" and not is_kept:
        keep(codes, kept)
    if words[0] == b"tree" and words[3]:
        prepare_in_background(words[1])


def keep(codes: list[tuple[str, CodeType]], kept: str) -> None:
    """Spare the next call the compiling."""
    data = marshal.dumps(codes)
    partial = f"{kept}.{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with open(os.open(partial, flags, 0o600), "wb") as file:
            file.write(crc32(data).to_bytes(4, "big") + data)
        os.replace(partial, kept)
    except OSError:
        return  # the next call compiles again
