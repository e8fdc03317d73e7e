"""One call of a sender: a manifest comes on standard input, an answer goes to standard output."""

from __future__ import annotations

import errno
import os
import sys

from .files import CutShort
from .members import Unsafe, parsed
from .store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

MARK = b"\0runctl-sync\0"
"""Before the answer: what a shell's start-up files print comes before it."""


def answer(words: list[str], given: BinaryIO) -> list[bytes]:
    """`offer TARGET` says which contents are missing; `build TARGET` makes the tree.

    `given` has the length of the manifest in 8 bytes, and the manifest. For `build` the same of a list
    of members follows, and for each of them when it was changed, in 8 bytes, and its content.
    """
    verb, target = words
    try:
        place = os.fsencode(os.path.abspath(os.path.expanduser(target)))
        manifest = given.read(int.from_bytes(given.read(8), "big"))
        members = parsed(manifest)
        store = Store(place, manifest, members)
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
    sys.stdout.buffer.write(MARK + b"\0".join(answer(sys.argv[-2:], sys.stdin.buffer)))
