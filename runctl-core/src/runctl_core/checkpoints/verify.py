"""Whether a checkpoint is good: by its manifest where it has one, else by all that its format tells.

Nothing is executed, and memory is bounded. A format without checksums tells only that nothing is missing
and everything fits; the manifest tells that not one bit has changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from runctl_core.checkpoints import deep, manifest
from runctl_core.checkpoints.contents import ITSELF, Advance, Unreadable, files
from runctl_core.checkpoints.formats import Format, Look
from runctl_core.checkpoints.search import format_of
from runctl_core.checkpoints.verdict import Evidence, Finding, Verdict, Verification

_NOT_VERIFIED = "not verified: "


def verify(path: str, *, quick: bool = False, advance: Advance = lambda _: None) -> Verification:
    """Judge one checkpoint.

    Args:
        path: The file or folder.
        quick: Read no more than headers and sizes.
        advance: Is told how many more bytes were read.

    Raises:
        NotFound: Nothing is there, or nothing that is a checkpoint.
    """
    full = os.path.abspath(path)
    if manifest.exists(full):
        return manifest.check(full, deep=not quick, advance=advance)
    form = format_of(full)
    evidence = Evidence.HEADERS if quick else Evidence.FORMAT
    read = 0

    def counted(size_bytes: int) -> None:
        nonlocal read
        read += size_bytes
        advance(size_bytes)

    try:
        look = form.look(full)
        findings = [*_told(full, look, form, quick)]
        if not quick and (look.complete or os.path.isdir(full)):
            findings += _read_to_the_end(full, {finding.file for finding in findings}, counted)
    except Unreadable as error:
        findings = [Finding(ITSELF, str(error), damage=False)]
    except OSError as error:
        findings = [Finding(ITSELF, error.strerror or str(error), damage=False)]
    return Verification(full, evidence, tuple(findings), read)


def record(verified: Verification, advance: Advance = lambda _: None) -> bool:
    """Write the manifest of a checkpoint that is good and has none. Returns whether it did.

    Raises:
        Refused: It changed since.
        OSError: The disk refuses.
    """
    if verified.verdict is not Verdict.GOOD or manifest.exists(verified.path):
        return False
    manifest.write(verified.path, advance)
    return True


def bytes_to_read(path: str, *, quick: bool = False, recording: bool = False) -> int:
    """How many bytes `verify` would read to their end, as far as one can tell; and `record` after it."""
    if quick:
        return 0
    hashed = manifest.exists(path)
    total = 0
    try:
        for name in files(path):
            times = (hashed or deep.is_read(path, name)) + (recording and not hashed)
            total += times * _size(path, name)
    except (Unreadable, OSError):
        return 0
    return total


def _told(path: str, look: Look, form: Format, quick: bool) -> Iterator[Finding]:
    """What the format says of it, with the file that it names."""
    if not look.problem or (look.complete and form.name == "pickle" and not quick):
        return  # the instructions of a pickle tell more
    name, _, rest = look.problem.partition(": ")
    is_part = bool(rest) and os.path.lexists(os.path.join(path, name))
    file, what = (name, rest) if is_part else (ITSELF, look.problem)
    yield Finding(file, what.removeprefix(_NOT_VERIFIED), damage=not look.complete)


def _read_to_the_end(path: str, known: set[str], advance: Advance) -> Iterator[Finding]:
    for name in files(path):
        if name not in known:
            yield from deep.check(path, name, advance)
    if os.path.isdir(path):
        yield from (finding for finding in deep.shards(path) if finding.file not in known)


def _size(path: str, name: str) -> int:
    return os.stat(path if name == ITSELF else os.path.join(path, name)).st_size
