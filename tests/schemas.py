"""The documented JSON: what a command prints, held against its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

FOLDER = Path(__file__).parents[1] / "docs" / "reference" / "schemas"


def load() -> dict[str, Any]:
    """Every schema by its name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")}


def check(command: str, document: Any) -> None:
    """Fail unless the document is what the reference says that the command prints."""
    (name,) = [name for name, schema in load().items() if command in schema["x-commands"]]
    hold(name, document)


def hold(name: str, document: Any) -> None:
    """Fail unless the document is what a schema says."""
    schemas = load()
    registry: Registry[Any] = Registry().with_resources(
        (f"{name}.json", Resource.from_contents(schema)) for name, schema in schemas.items()
    )
    broken = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(schemas[name], registry=registry).iter_errors(document)
    ]
    assert not broken, f"it breaks docs/reference/schemas/{name}.json: {broken}"
