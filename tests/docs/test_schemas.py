"""The schemas of the JSON: each command has one, and each explains every field and closes every object."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import schemas
from runctl_core.cleanup import Rule
from runctl_core.cli.app import command_for
from runctl_core.cli.table import COMMANDS
from runctl_core.models.checks import Verdict
from runctl_core.models.jobs import EndedBy
from runctl_core.models.resources import ResourceState
from runctl_core.models.runs import RunState
from runctl_core.models.warnings import WarningKind
from runctl_core.tracking.audit import Act, Answer
from runctl_core.training.script import Kind

SCHEMAS = schemas.load()
PRINT_NO_DATA = {"exec", "completion", "ssh", "top"}
"""They print a program's own bytes, a script for a shell, a terminal's, a screen."""


def objects(schema: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object with fields in a schema, with its place."""
    if isinstance(schema, list):
        schema = dict(enumerate(schema))
    if not isinstance(schema, dict):
        return
    if isinstance(schema.get("properties"), dict):
        yield where, schema
    for key, value in schema.items():
        yield from objects(value, f"{where}/{key}")


def takes_json(row: tuple[str, ...]) -> bool:
    function = getattr(importlib.import_module(row[1]), row[2])
    return any("--json" in p.opts for p in command_for(row[0], function, ["--provider", "any"]).params)


def test_every_command_that_prints_data_takes_json() -> None:
    assert {row[0] for row in COMMANDS if not takes_json(row)} == PRINT_NO_DATA


def test_every_command_that_takes_json_has_one_schema() -> None:
    commands = [command for schema in SCHEMAS.values() for command in schema["x-commands"]]
    assert len(commands) == len(set(commands))
    taking = {row[0] for row in COMMANDS if takes_json(row)}
    assert {command.partition(" --")[0] for command in commands} == taking
    assert taking <= set(commands)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_a_schema(name: str) -> None:
    assert SCHEMAS[name]["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_is_explained(name: str) -> None:
    for where, found in objects(SCHEMAS[name], name):
        for field, described in found["properties"].items():
            assert described.get("description", "").endswith((".", "`.")), f"{where}: {field}"


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_that_may_be_null_says_when(name: str) -> None:
    for where, found in objects(SCHEMAS[name], name):
        for field, described in found["properties"].items():
            nullable = "null" in described.get("type", ()) or "_or_null" in described.get("$ref", "")
            assert nullable == ("Null " in described["description"]), f"{where}: {field}"


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_field_may_be_missing_and_none_is_unknown(name: str) -> None:
    for where, found in objects(SCHEMAS[name], name):
        assert set(found["required"]) == set(found["properties"]), where
        shared = name == "definitions" and "additionalProperties" not in found
        assert shared or False in (
            found.get("additionalProperties"),
            found.get("unevaluatedProperties"),
        ), where


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_name_of_a_field_tells_its_unit(name: str) -> None:
    units = {"_bytes": "bytes", "_s": "seconds", "_percent": "percent"}
    for where, found in objects(SCHEMAS[name], name):
        for field, described in found["properties"].items():
            for end, unit in units.items():
                if field.endswith(end) and "type" in described and "array" not in described["type"]:
                    assert unit in described["description"].lower(), f"{where}: {field}"
            assert field.endswith("_at") == ("moment" in described.get("$ref", "")), f"{where}: {field}"
            assert field.endswith("_usd") == ("usd" in described.get("$ref", "")), f"{where}: {field}"


def test_the_words_of_a_field_are_those_of_the_code() -> None:
    run = SCHEMAS["definitions"]["$defs"]["run"]["properties"]
    assert run["state"]["enum"] == [str(state) for state in RunState]
    assert run["ended_by"]["enum"] == [*map(str, EndedBy), "launch", None]
    assert SCHEMAS["run"]["properties"]["environment"]["enum"] == [str(kind) for kind in Kind]
    warning = SCHEMAS["run"]["properties"]["warnings"]["items"]["properties"]
    assert warning["kind"]["enum"] == [str(kind) for kind in WarningKind]
    assert SCHEMAS["plan"]["properties"]["environment"]["enum"] == [str(kind) for kind in Kind]
    assert SCHEMAS["checks"]["items"]["properties"]["verdict"]["enum"] == [str(v) for v in Verdict]
    shared = SCHEMAS["definitions"]["$defs"]
    rule = shared["left_alone"]["properties"]["reasons"]["items"]["properties"]["rule"]
    assert rule["enum"] == [str(rule) for rule in Rule]
    assert shared["resource"]["properties"]["state"]["enum"] == [str(state) for state in ResourceState]
    act = SCHEMAS["audit"]["items"]["properties"]
    assert act["act"]["enum"] == shared["let_go"]["properties"]["act"]["enum"] == [str(act) for act in Act]
    assert act["answer"]["enum"] == [*map(str, Answer), None]
