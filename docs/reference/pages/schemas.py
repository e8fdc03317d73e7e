"""`json.md`: every document that a command prints with `--json`, from its schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pages.markdown import code, table

SCHEMAS = Path(__file__).parents[1] / "schemas"
_INTRODUCTION = """\
# JSON

`--json` prints one document on standard output and nothing else there. Its fields are a promise: one
may be added in a minor version, none is taken away or changes its type before a major one. The
schemas (JSON Schema 2020-12) are in [schemas/](schemas/); real output is held against them by tests.

The same thing has the same name everywhere:

- `run` is a run's id, `provider` a provider's name, `resource` a provider's id of something.
- Names that end in `_at` are moments: ISO 8601, to the second, in UTC.
- Names that end in `_usd` are US dollars as text, so that no digit is lost.
- Names that end in `_bytes` are bytes, in `_s` seconds, in `_percent` percent.
- Null stands for what nobody knows or what does not exist; an unknown price is null, and never zero.
  Text for a person is empty instead.

When runctl itself fails, there is no document, but for `config validate`, which says what is wrong.
A script that failed and a check that failed are results: their documents are printed.
"""


def page() -> str:
    """The whole page."""
    documents = [(name, schema) for name, schema in load().items() if schema["x-commands"]]
    rows = [
        (f"`runctl {command} --json`", f"[{schema['title']}](#{name})")
        for name, schema in documents
        for command in schema["x-commands"]
    ]
    parts = [_INTRODUCTION, table(("Command", "Document"), sorted(rows))]
    return "\n".join([*parts, *("\n".join(_document(name, schema)) for name, schema in documents)])


def load() -> dict[str, Any]:
    """Every schema by its name."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(SCHEMAS.glob("*.json"))
    }


def printed_by(command: str) -> list[str]:
    """Links to the documents that a command prints."""
    return [
        f"[{schema['title'].lower()}](json.md#{name})" + (f" (`{printer}`)" if printer != command else "")
        for name, schema in load().items()
        for printer in schema["x-commands"]
        if printer == command or printer.startswith(command + " --")
    ]


def _document(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f'<a id="{name}"></a>\n\n## {schema["title"]}\n'
    yield f"[schemas/{name}.json](schemas/{name}.json). {_description(schema)}\n"
    whole = schema.get("items", schema)
    yield table(("Field", "Type", "Meaning"), list(_fields(whole, "")))


def _fields(schema: dict[str, Any], before: str) -> Iterator[tuple[str, str, str]]:
    """A row for each field, those of objects inside it included."""
    for name, given in _properties(schema).items():
        field = _resolved(given)
        item = _resolved(field.get("items", {}))
        yield code(before + name), _type(field, item), _description(given)
        yield from _fields(field, f"{before}{name}.")
        yield from _fields(item, f"{before}{name}[].")


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = _resolved(schema).get("properties", {})
    return properties


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with what it refers to; what it says itself wins."""
    parts = [part["$ref"] for part in (schema, *schema.get("allOf", ())) if "$ref" in part]
    if not parts:
        return schema
    definitions = load()["definitions"]["$defs"]
    merged: dict[str, Any] = {}
    for part in [*(definitions[ref.rpartition("/")[2]] for ref in parts), schema]:
        properties = {**merged.get("properties", {}), **part.get("properties", {})}
        merged = {**merged, **part, "properties": properties}
    return {key: value for key, value in merged.items() if key not in ("$ref", "allOf")}


def _type(field: dict[str, Any], item: dict[str, Any]) -> str:
    types = field.get("type", "any")
    names = [types] if isinstance(types, str) else types
    if "array" in names and item:
        names = [f"array of {item.get('type', 'any')}" if name == "array" else name for name in names]
    if "enum" in field:
        return " or ".join(code(json.dumps(value)) for value in field["enum"])
    return " or ".join(names)


def _description(schema: dict[str, Any]) -> str:
    return str(schema.get("description") or _resolved(schema).get("description", ""))
