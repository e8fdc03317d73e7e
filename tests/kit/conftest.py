"""Fixtures of the kit's own tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.authors import Author


@pytest.fixture
def author(tmp_path: Path) -> Author:
    """An author in a new folder."""
    folder = tmp_path / "author"
    folder.mkdir()
    return Author(folder)
