"""`runctl resources cleanup` as the tests call it, each time held against its schema."""

from __future__ import annotations

import json
from typing import Any

import schemas
from homes import Home


def cleanup(home: Home, *words: str, status: int = 0) -> Any:
    """The document of a cleanup."""
    done = home.runctl("resources", "cleanup", *words, "--json")
    assert done.returncode == status, done.stderr.decode()
    document = json.loads(done.stdout)
    schemas.check("resources cleanup", document)
    return document


def names(rows: list[dict[str, Any]]) -> list[str]:
    """The ids in rows of the document, sorted."""
    return sorted(found["resource"] for found in rows)
