"""runctl-ssh, the provider of the tutorial: as small as promised, and written on the public API alone."""

from __future__ import annotations

import ast
from pathlib import Path

from lines_of_code import package_lines
from pages import ROOT, blocks

EXAMPLE = ROOT / "examples" / "runctl-ssh"
TUTORIAL = ROOT / "docs" / "tutorial" / "write-a-provider.md"
PUBLIC = {"runctl_core", "runctl_core.api", "runctl_core.testing", "runctl_core.testing.plugin"}


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            whole = node.module == "runctl_core"
            found |= {f"runctl_core.{alias.name}" for alias in node.names} if whole else {node.module or ""}
    return {name for name in found if name.split(".")[0] == "runctl_core"}


def test_the_package_has_under_a_hundred_lines_of_code() -> None:
    lines = package_lines(EXAMPLE / "runctl_ssh")
    assert 0 < lines < 100, f"{lines} lines: a stranger does not write that in an afternoon"


def test_the_package_and_its_tests_import_the_public_api_alone() -> None:
    used = {name for path in EXAMPLE.rglob("*.py") for name in _imports(path)}
    assert used <= PUBLIC, f"a stranger's provider would break any day: {used - PUBLIC}"


def test_the_tutorial_builds_exactly_the_example() -> None:
    shown: dict[str, str] = {}
    for block in blocks(TUTORIAL):
        if block.file and block.file.startswith("runctl-ssh/"):
            shown[block.file] = block.text
    assert {f"runctl-ssh/runctl_ssh/{name}.py" for name in ("__init__", "plugin", "provider")} <= set(shown)
    for name, text in shown.items():
        assert (EXAMPLE.parent / name).read_text() == text, f"the tutorial shows another {name}"
