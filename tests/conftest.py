"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from homes import Home

# Tests of packaging run where runctl is not installed.
pytest_plugins = ["runctl_core.testing.plugin"] if find_spec("runctl_core") else []


def pytest_configure(config: pytest.Config) -> None:
    """Bound hypothesis, so that a noisy machine makes no flaky deadline."""
    from hypothesis import settings

    settings.register_profile("ours", deadline=None, max_examples=60)
    settings.load_profile("ours")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home that nobody else uses. Whatever is left running in it is ended."""
    made = Home(tmp_path)
    yield made
    for folder in made.state.glob("local/slots/local-*/jobs/*"):
        made.runctl("stop", folder.name.rpartition("-")[0], "--grace-seconds", "0")
