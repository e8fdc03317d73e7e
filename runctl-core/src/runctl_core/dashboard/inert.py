"""A log's bytes as lines that can do nothing to a terminal.

Colours and cursor movements are left out, and of a line that a progress bar wrote over and over, the
last writing is kept, as a terminal would show it. Other control characters are written out.
"""

from __future__ import annotations

import re

from runctl_core import words

LONGEST = 2000
"""Characters that are kept of a line."""

_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC and other strings: titles, links, pictures
    r"|\x1b[ -/]*[0-~]"  # two characters, and charsets
)


def lines(data: bytes) -> list[str]:
    """The lines of a piece of a log, each safe to show; an unfinished last line counts as one."""
    text = data.decode(errors="replace").removesuffix("\n")
    return [line(each) for each in text.split("\n")] if text else []


def line(text: str) -> str:
    """One line, made inert and not longer than `LONGEST`."""
    written = text.rstrip("\r")
    if "\r" in written:
        written = written.rpartition("\r")[2]
    kept = _SEQUENCE.sub("", written[: 4 * LONGEST])[:LONGEST].expandtabs(8)
    return words.visible(kept)
