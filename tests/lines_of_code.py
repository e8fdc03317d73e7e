"""How lines of code are counted where a size is promised, for a package of an author.

A line counts when something of Python stands on it, each line of a statement or of a text that is longer
than one. Blank lines, lines with nothing but a comment, and docstrings do not.
"""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

_NOTHING = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def lines_of_code(source: str) -> int:
    """How many lines of code a module's text has."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NOTHING:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - _docstrings(source))


def package_lines(folder: Path) -> int:
    """How many lines of code all modules of a package have."""
    return sum(lines_of_code(path.read_text()) for path in folder.rglob("*.py"))


def _docstrings(source: str) -> set[int]:
    lines: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            lines.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return lines
