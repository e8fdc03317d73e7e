"""An author's tests, in a folder of their own and run by a pytest of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]

_SUITE = """
import pytest
from kit.acme import Acme
from runctl_core.testing import ProviderSuite, replaces
from runctl_core.testing.fakes import FakeCloud


class TestMine(ProviderSuite):
    plugin_module = "kit.acme"

    @pytest.fixture
    def cloud(self, tmp_path, seed):
        with FakeCloud(tmp_path / "cloud", seed=seed) as cloud:
            yield cloud

    def make_provider(self, cloud):
        return Acme(cloud)
"""


class Author:
    """Writes a suite for `kit.acme` and runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "conftest.py").write_text('pytest_plugins = ["runctl_core.testing.plugin"]\n')
        (folder / "pytest.ini").write_text("[pytest]\n")
        self.env = dict(os.environ) | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(folder)])}

    def writes(self, more: str = "", before: str = "") -> None:
        """Write the suite; `more` is the end of its class, `before` stands above it."""
        text = _SUITE.replace("\n\nclass", f"\n{textwrap.dedent(before)}\n\nclass", 1)
        (self.folder / "test_mine.py").write_text(text + textwrap.indent(textwrap.dedent(more), "    "))

    def command(self, *words: str) -> list[str]:
        """The command line of a run."""
        return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rN", *words]

    def runs(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the tests to their end."""
        return subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def recorded(self, *words: str) -> dict[str, Any]:
        """What a run records."""
        path = self.folder / "conformance.json"
        self.runs("--runctl-conformance", str(path), *words)
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found


def result(record: dict[str, Any], name: str) -> tuple[str, str]:
    """What a record says of a check: its result, and the reason."""
    (found,) = [check for check in record["checks"] if check["check"] == name]
    return found["result"], found["reason"]
