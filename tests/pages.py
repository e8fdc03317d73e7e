"""Pages of documentation as tests see them: their fenced blocks, and whether output is as it says.

A `console` block has commands after `$ ` (continued after `> `) and what each one prints. `…` stands for
anything inside a line, and for any lines when it stands alone. A run's id stands for the id that the
page's own run really got, the same one all over the page. Any other block is a file: the line above it
ends with the file's name in backticks and a colon.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOT_RUN = re.compile(r"<!-- not run here: (?P<reason>.+) -->")
FILES = frozenset({"python", "toml", "ini", "sh"})
"""Languages of blocks that are written to files."""

_FILE_NAME = re.compile(r"`(?P<name>[^`]+)`[^`]*:$")
RUN_ID = re.compile(r"(?<![\w…-])[a-z]+-[a-z]+-\d\d\b")
"""A run's id, as runctl makes them."""

_GAP = re.compile(r" {2,}")


@dataclass(frozen=True)
class Block:
    """One fenced block: where it begins, its language, its text, and the lines that lead to it."""

    line: int
    language: str
    text: str
    above: str

    @property
    def file(self) -> str | None:
        """The file that the line above names; None when it names none."""
        found = _FILE_NAME.search(self.above)
        return found["name"] if found else None

    @property
    def not_run(self) -> str | None:
        """Why it is not run; None for a block that is."""
        found = NOT_RUN.fullmatch(self.above)
        return found["reason"] if found else None


@dataclass(frozen=True)
class Step:
    """One command of a `console` block, and what it must print."""

    line: int
    command: str
    expected: tuple[str, ...]


def tracked() -> list[str]:
    """The files of the repository, as a fresh clone has them."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block of a page, in order."""
    inside: list[str] | None = None
    above, language, begin = "", "", 0
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        if not line.lstrip().startswith("```"):
            if inside is not None:
                inside.append(line)
            elif line.strip():
                above = line.strip()
        elif inside is None:
            inside, language, begin = [], line.strip()[3:], number
        else:
            yield Block(begin, language, "".join(f"{text}\n" for text in inside), above)
            inside, above = None, ""
    assert inside is None, f"{page}: the block of line {begin} has no end"


def steps(block: Block) -> Iterator[Step]:
    """The commands of a `console` block."""
    command, expected, begin = "", [], 0
    for number, line in enumerate(block.text.splitlines(), start=block.line + 1):
        if line.startswith("$ "):
            if command:
                yield Step(begin, command, tuple(expected))
            command, expected, begin = line[2:], [], number
        elif line.startswith("> ") and not expected:
            command += f"\n{line[2:]}"
        else:
            assert command, f"line {number}: output before any command"
            expected.append(line)
    if command:
        yield Step(begin, command, tuple(expected))


@dataclass
class RunIds:
    """The ids that a page uses, each with the id that its run really got."""

    real: dict[str, str] = field(default_factory=dict)

    def in_command(self, command: str) -> str:
        """The command with real ids. Fails for an id that no output before it showed."""

        def real(found: re.Match[str]) -> str:
            assert found[0] in self.real, f"no output has shown the run {found[0]} yet: {command}"
            return self.real[found[0]]

        return RUN_ID.sub(real, command)

    def agree(self, expected: tuple[str, ...], printed: str) -> bool:
        """Whether a command printed what the page says; remembers the ids that are new."""
        new: dict[str, str] = {}
        pattern = "".join(self._line(line, new) for line in expected)
        text = "".join(f"{line.rstrip()}\n" for line in printed.rstrip("\n").split("\n") if printed)
        found = re.fullmatch(pattern, text)
        if found is None:
            return False
        self.real.update({shown: found[group] for shown, group in new.items()})
        return True

    def _line(self, line: str, new: dict[str, str]) -> str:
        if line == "…":
            return r"(?:[^\n]*\n)*?"
        return f"{self._words(line.rstrip(), new)}\n"

    def _words(self, text: str, new: dict[str, str]) -> str:
        found = RUN_ID.search(text)
        if found is None:
            return r"[^\n]*?".join(_loose(part) for part in text.split("…"))
        before, after = text[: found.start()], text[found.end() :]
        return f"{self._words(before, new)}{self._id(found[0], new)}{self._words(after, new)}"

    def _id(self, shown: str, new: dict[str, str]) -> str:
        if shown in self.real:
            return re.escape(self.real[shown])
        if shown in new:
            return f"(?P={new[shown]})"
        new[shown] = f"id{len(new)}"
        return rf"(?P<{new[shown]}>{RUN_ID.pattern})"


def _loose(text: str) -> str:
    """Columns are as wide as what stands in them, so wide gaps are alike."""
    parts = _GAP.split(text)
    return " +".join(re.escape(part) for part in parts)
