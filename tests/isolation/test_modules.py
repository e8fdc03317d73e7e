"""What the modules that others import bring along, and what the core's code may not name."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from isolation.conftest import WatchedHome

PROVIDERS = ("aws", "runpod", "lyceum", "local")
CORE = Path(importlib.util.find_spec("runctl_core").submodule_search_locations[0])

_RUNNER_ALONE = """
import sys
before = set(sys.modules)
sys.path.append(sys.argv[1])
from runner import guard, job_directory, oom, processes, runner, supervisor, usage
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


@pytest.mark.parametrize("module", ["runctl_core.api", "runctl_local.plugin"])
def test_a_plugin_is_light(house: WatchedHome, module: str) -> None:
    seen = house.python(f"import {module}")
    assert seen.foreign <= {"attr", "attrs", "pluggy"}
    slow = seen.modules & {"asyncio", "ssl", "http", "urllib.request", "sqlite3", "typer", "subprocess"}
    assert not slow, f"import {module} imports {sorted(slow)}, and `providers list` does so for every plugin"
    assert len(seen.classes) <= 34, f"import {module} makes {len(seen.classes)} attrs classes"


def test_the_runner_needs_nothing_but_python() -> None:
    """A machine that we rent has no packages of ours: without site-packages it must work."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _RUNNER_ALONE, str(CORE)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) - {"runner"} <= sys.stdlib_module_names


def test_no_providers_name_stands_in_the_core() -> None:
    places = [place for path in sorted(CORE.rglob("*.py")) for place in _places(path)]
    assert not places, f"the core is to know no provider; these lines do: {places}"


def _places(path: Path) -> Iterator[str]:
    """Lines that name a provider: by its distribution, as an argument, or as a value."""
    named = re.compile(
        rf"\b({'|'.join(PROVIDERS[:3])})\b"
        rf"|runctl[-_.]({'|'.join(PROVIDERS)})\b"
        rf"|(provider|providers|doctor|show)[ .]({'|'.join(PROVIDERS)})\b",
        re.IGNORECASE,
    )
    text = path.read_text()
    for number, line in enumerate(text.splitlines(), 1):
        if named.search(line):
            yield f"{path.name}:{number} {line.strip()}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and node.value in PROVIDERS:
            yield f"{path.name}:{node.lineno} {node.value!r}"
