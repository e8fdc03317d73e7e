"""Write into pages what their commands print now: `python tests/docs/refresh.py PAGE...`

Lines that still agree stay as they are written. What differs from run to run (moments, sizes, folders)
becomes `…`. Read the difference before you commit it: it is what a user will see.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path[:0] = [str(folder) for folder in Path(__file__).resolve().parents[:2]]

from test_blocks import begin, write  # noqa: E402

from page_shell import PageShell, make_environment  # noqa: E402
from pages import RUN_ID, Block, RunIds, blocks, steps  # noqa: E402

NAMES = ("brave-otter-41", "calm-heron-27", "quick-lynx-63", "bold-finch-18", "warm-seal-55")
VOLATILE = {
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\d{4}-\d\d-\d\d \d\d:\d\d": "…",
    r"\b\d+(\.\d+)?(?= ?(ms|s|B|kB|MB|GB|MiB)\b)": "…",
    r"local-[0-9a-f]{12}": "local-…",
    r"(?<= )/\S+(?=/(uv|python3?|bash)\b)": "…",
    r"/tmp/\S+": "…",
    r"(?<=you@)\S+": "…",
}


class Page:
    """One page, its shell, and the names under which its runs appear."""

    def __init__(self, path: Path, shell: PageShell) -> None:
        self._path, self._shell = path, shell
        self._ids = RunIds()
        text = path.read_text()
        self._names = [*dict.fromkeys(RUN_ID.findall(text)), *(n for n in NAMES if n not in text)]

    def refreshed(self) -> str:
        """The page's text with what its commands print now."""
        lines = self._path.read_text().splitlines()
        for block in reversed([(b, list(self._lines(b))) for b in blocks(self._path) if not b.not_run]):
            found, new = block
            lines[found.line : found.line + found.text.count("\n")] = new
        return "\n".join(lines) + "\n"

    def _lines(self, block: Block) -> Iterator[str]:
        if block.language != "console":
            write(block, self._shell, self._path.name)
            yield from block.text.splitlines()
            return
        for step in steps(block):
            first, *more = step.command.split("\n")
            yield from (f"$ {first}", *(f"> {line}" for line in more))
            _, printed = self._shell.run(self._ids.in_command(step.command))
            agrees = self._ids.agree(step.expected, printed)
            yield from step.expected if agrees else self._printed(printed, step.expected)

    def _printed(self, printed: str, expected: tuple[str, ...]) -> Iterator[str]:
        for line in printed.rstrip("\n").split("\n") if printed else ():
            same = (old for old in expected if old != "…" and self._ids.agree((old,), line))
            yield next(same, None) or self._steady(line.rstrip())

    def _steady(self, line: str) -> str:
        for pattern, shown in VOLATILE.items():
            line = re.sub(pattern, shown, line)
        return RUN_ID.sub(self._name, line)

    def _name(self, found: re.Match[str]) -> str:
        for shown, real in self._ids.real.items():
            if real == found[0]:
                return shown
        name = next(name for name in self._names if name not in self._ids.real)
        self._ids.real[name] = found[0]
        return name


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment, cache = Path(folder, "environment"), Path(folder, "cache")
        make_environment(environment)
        for number, argument in enumerate(sys.argv[1:]):
            path = Path(argument).resolve()
            with PageShell(Path(folder, str(number)), environment, cache) as shell:
                begin(shell, path)
                text = Page(path, shell).refreshed()
            path.write_text(text)


main()
