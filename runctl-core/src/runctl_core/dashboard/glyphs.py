"""The signs that the dashboard draws with: what every UTF-8 terminal has, and ASCII for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen


@frozen
class Glyphs:
    """A set of signs.

    Attributes:
        levels: From nothing to full, for sparklines.
        rule: A horizontal line.
        more: Stands where a text was cut.
        dot: Stands between two facts.
    """

    levels: str
    rule: str
    more: str
    dot: str

    def sparkline(self, values: Sequence[float], width: int, *, full: float) -> str:
        """The latest `width` values as bars, where `full` is the highest one."""
        top = len(self.levels) - 1
        shown = values[-width:] if width > 0 else ()
        return "".join(self.levels[_level(value / full if full > 0 else 0.0, top)] for value in shown)

    def cut(self, text: str, width: int) -> str:
        """The text, shortened to `width` characters where it is longer."""
        return text if len(text) <= width else text[: max(0, width - 1)] + self.more[: max(0, width)]


BLOCKS = Glyphs("▁▂▃▄▅▆▇█", "─", "…", "·")
ASCII = Glyphs("_.:-=+*#", "-", "~", "|")


def choose(encoding: str, env: Mapping[str, str]) -> Glyphs:
    """The signs for a terminal: the Linux console's font lacks most of the blocks."""
    utf8 = encoding.lower().replace("-", "") == "utf8"
    return BLOCKS if utf8 and env.get("TERM") != "linux" else ASCII


def _level(share: float, top: int) -> int:
    return min(top, max(0, round(share * top)))
