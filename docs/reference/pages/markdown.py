"""Markdown from values and docstrings."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

_SECTION = re.compile(r"(Args|Attributes|Returns|Raises|Examples?):$")
_ENTRY = re.compile(r"([\w.]+(?:, [\w.]+)*): (.*)")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; pipes in its cells are escaped."""
    shown = [" | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]
    lines = [" | ".join(columns), " | ".join("---" for _ in columns), *shown]
    return "".join(f"| {line} |\n" for line in lines)


def code(text: str) -> str:
    """A word in code type; nothing for nothing."""
    return f"`{text}`" if text else ""


def block(text: str) -> str:
    """A block in code type: indented, since fenced blocks are those that the tests run as they stand."""
    return textwrap.indent(text.strip("\n"), "    ") + "\n"


def anchor(heading: str) -> str:
    """The fragment that leads to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def docstring(text: str | None) -> str:
    """A docstring: paragraphs, indented code as a block, sections as lists."""
    return "\n".join(_rendered(title, body) for title, body in sections(text))


def entries(text: str | None, section: str) -> dict[str, str]:
    """What a section of a docstring says of each name."""
    for title, body in sections(text):
        if title == section:
            return dict(_entries(body))
    return {}


def sections(text: str | None) -> Iterator[tuple[str, str]]:
    """The parts of a docstring: a paragraph has no title, indented code has the title `code`."""
    lines = inspect.cleandoc(text or "").split("\n")
    while lines:
        line = lines.pop(0)
        if not line.strip():
            continue
        section = _SECTION.match(line)
        indented = line.startswith("    ")
        body = [] if section else [line]
        while lines and (_deep(lines) if section or indented else lines[0].strip()):
            body.append(lines.pop(0))
        title = section[1] if section else "code" if indented else ""
        yield title, textwrap.dedent("\n".join(body)).strip("\n")


def _deep(lines: list[str]) -> bool:
    """Whether indented text goes on, blank lines inside it included."""
    following = next((line for line in lines if line.strip()), "")
    return following.startswith("    ")


def _rendered(title: str, body: str) -> str:
    if title in ("code", "Example", "Examples"):
        return ("" if title == "code" else f"{title}:\n\n") + block(body)
    if title in ("", "Returns"):
        return (f"{title}: " if title else "") + " ".join(body.split()) + "\n"
    rows = [f"- {code(name)}: {meaning}\n" if name else f"- {meaning}\n" for name, meaning in _entries(body)]
    return f"{title}:\n\n{''.join(rows)}"


def _entries(body: str) -> Iterator[tuple[str, str]]:
    """Names with their meanings; a name is empty where the text names nothing."""
    for entry in re.split(r"\n(?=\S)", body):
        text = " ".join(entry.split())
        found = _ENTRY.match(text)
        yield (found[1], found[2]) if found else ("", text)
