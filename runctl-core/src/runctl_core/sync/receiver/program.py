"""One call of a sender: a manifest comes on standard input, an answer goes to standard output."""

from __future__ import annotations

import errno
import os
import sys

from .files import CutShort
from .members import Unsafe
from .spare import prepare_in_background
from .store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

MARK = b"\0runctl-sync\0"
"""Before the answer: what a shell's start-up files print comes before it."""


def answer(words: list[str], given: BinaryIO) -> list[bytes]:
    """`offer TARGET` says which contents are missing; `build TARGET` makes the tree.

    `given` has 16 letters that name the content, the length of the manifest in 8 bytes, and the manifest.
    For `build` the same of a list of members follows, and for each of them when it was changed, in 8
    bytes, and its content.
    """
    verb, target = words
    try:
        place = os.fsencode(os.path.abspath(os.path.expanduser(target)))
        name = given.read(16)
        store = Store(place, name, given.read(int.from_bytes(given.read(8), "big")))
        return store.offer() if verb == "offer" else store.build(given)
    except Unsafe as error:
        return [b"unsafe", str(error).encode("utf-8", "surrogateescape")]
    except CutShort:
        return [b"cut"]
    except OSError as error:
        kind = b"full" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else b"refused"
        name = os.fsencode(error.filename) if error.filename else place
        return [kind, name, os.fsencode(error.strerror or str(error))]


def main() -> None:
    """Answer to `VERB TARGET`, the last two words of the command line."""
    verb, target = sys.argv[-2:]
    words = answer([verb, target], sys.stdin.buffer)
    sys.stdout.buffer.write(MARK + b"\0".join(words))
    sys.stdout.buffer.flush()
    if verb == "build" and words[0] == b"tree":
        prepare_in_background(words[1])
