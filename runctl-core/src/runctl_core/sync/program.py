"""The receiver as it goes to a machine: its sources, and what a Python there executes first.

Compiling it takes longer than what it does for an unchanged project. So it is kept there, compiled, in the
target folder, by the hash of its sources and the Python's version.
"""

from __future__ import annotations

import os
from hashlib import sha256

from runctl_core.sync import receiver

TOO_OLD = 96
"""The exit status of a Python that cannot run it."""

_MODULES = ("members", "indexes", "files", "places", "spare", "store", "program")
_BOOT = """
import sys
if sys.version_info < (3, 8): sys.exit({too_old})
import marshal, os
from binascii import crc32
given = open(0, "rb", 1 << 18, closefd=False)
sources = given.read({size})
if len(sources) < {size}: sys.exit(1)
kept = os.path.join(os.path.expanduser(sys.argv[-1]), "receiver-{name}-%x" % sys.hexversion)
codes = []
try:
    with open(kept, "rb") as file:
        found, mark, data = os.fstat(file.fileno()), file.read(4), file.read()
    if found.st_uid == os.geteuid() and not found.st_mode & 0o22 and mark == crc32(data).to_bytes(4, "big"):
        codes = marshal.loads(data)
except (OSError, ValueError, EOFError, TypeError):
    pass
is_kept = bool(codes)
if not is_kept:
    for source in sources.split(b"\\0"):
        name, _, text = source.partition(b"\\n")
        codes.append((name.decode(), compile(text, name.decode(), "exec")))
for name, code in codes:
    module = type(sys)(name)
    module.__package__, module.__path__ = "receiver", []
    sys.modules[name] = module
    exec(code, module.__dict__)
module.main(codes, kept, is_kept, given)
"""


def program_to_run() -> tuple[str, bytes]:
    """What a Python there executes, and what that reads first: the receiver's sources."""
    folder = os.path.dirname(receiver.__file__)
    sources = []
    for name, file in (("receiver", "__init__"), *((f"receiver.{name}", name) for name in _MODULES)):
        with open(os.path.join(folder, f"{file}.py"), "rb") as opened:
            sources.append(name.encode() + b"\n" + opened.read())
    data = b"\0".join(sources)
    boot = _BOOT.format(too_old=TOO_OLD, size=len(data), name=sha256(data).hexdigest()[:20])
    return boot, data
