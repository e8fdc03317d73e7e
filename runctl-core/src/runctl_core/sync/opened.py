"""Which paths a script reads, as far as its text says so: `open("data/x.csv")`, `Path("data") / "x.csv"`,
`pd.read_csv(DATA)`, `torch.load(os.path.join(FOLDER, "w.pt"))`. Nothing of it is executed.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Mapping

_READERS = {"open", "Path", "memmap", "genfromtxt", "ImageFolder", "listdir", "scandir", "walk", "glob"}
_READERS_BEGIN = ("read_", "load", "from_file", "from_csv", "from_json", "from_parquet")


def opened_paths(source: bytes) -> list[tuple[str, int]]:
    """Paths that a script reads, as written, each with the first line that names it; none of what is no
    Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    known = dict(_constants(tree))
    found: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _reads(node):
            for value in (*node.args, *(word.value for word in node.keywords)):
                if path := _text(value, known):
                    found.setdefault(path, node.lineno)
        elif isinstance(node, ast.BinOp) and (path := _text(node, known)):
            found.setdefault(path, node.lineno)
    return sorted(found.items(), key=lambda item: item[1])


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names that stand for one text, or path, in the whole file."""
    known: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value and (text := _text(node.value, known)):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    known[target.id] = text
    yield from known.items()


def _reads(call: ast.Call) -> bool:
    name = _name(call.func)
    if name == "open":
        modes = [value.value for value in call.args[1:2] if isinstance(value, ast.Constant)]
        modes += [word.value.value for word in call.keywords if isinstance(word.value, ast.Constant)]
        return not any(isinstance(mode, str) and set(mode) & set("wax") for mode in modes)
    return name in _READERS or name.startswith(_READERS_BEGIN)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _text(node: ast.expr, known: Mapping[str, str]) -> str | None:
    """The text that an expression is, when it can be told without executing it."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return _joined([node.left, node.right], known)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left, known), _text(node.right, known)
        return None if left is None or right is None else left + right
    if isinstance(node, ast.Call) and _name(node.func) in ("Path", "join", "PurePath"):
        return _joined(node.args, known)
    return None


def _joined(parts: list[ast.expr], known: Mapping[str, str]) -> str | None:
    texts = [_text(part, known) for part in parts]
    whole = [text for text in texts if text]
    return os.path.join(*whole) if whole and len(whole) == len(texts) else None
