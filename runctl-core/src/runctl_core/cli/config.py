"""`runctl config`: every setting with its origin, and the way to change it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag
from runctl_core.errors import UsageError

if TYPE_CHECKING:
    from runctl_core.config import Config

KeyArgument = Annotated[
    str, Argument(metavar="KEY", help="`provider`, or `providers.NAME.KEY` for a provider's own.")
]
ProjectFlag = Annotated[bool, Option("--project", help="In runctl.toml here, not for this user.")]


def show(
    key: Annotated[str | None, Argument(metavar="[KEY]", help="Only this one.")] = None,
    json: JsonFlag = False,
) -> None:
    """Show every setting with its value and where it is from.

    Flags win over variables, over the project's file, over the user's file, over defaults.

    Examples:
        runctl config show
        runctl config show provider --json
    """
    from runctl_core.config import unknown_key

    rows = _rows()
    if key is not None:
        rows = [row for row in rows if row["key"] == key]
        if not rows:
            raise unknown_key(key, [row["key"] for row in _rows()], "the command line")
    if json:
        output.print_json(rows)
        return
    shown = [(row["key"], _text(row["value"]), row["origin"]) for row in rows]
    output.table(("KEY", "VALUE", "FROM"), shown, empty="no settings")


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return ",".join(map(str, value)) or "-" if isinstance(value, list) else str(value)


def _rows() -> list[dict[str, Any]]:
    from runctl_core.config import load
    from runctl_core.plugins import load_all

    config = load(directory=os.getcwd())
    rows = [{"key": k, "value": v.value, "origin": v.origin} for k, v in config.origins.items()]
    for report in load_all():
        if report.info is None:
            output.note(f"{report.name} is left out: {report.source}: {report.error}")
        elif report.info.settings is not None:
            rows += _provider_rows(config, report.name, report.info.settings)
    return rows


def _provider_rows(config: Config, name: str, settings: type) -> list[dict[str, Any]]:
    from runctl_core.settings import describe

    secret = {s.name for s in describe(settings) if s.secret}
    rows = []
    for key, value in config.provider_values(name, settings).items():
        hidden = key in secret and value.value is not None
        shown = "***" if hidden else value.value
        rows.append({"key": f"providers.{name}.{key}", "value": shown, "origin": value.origin})
    return rows


def set_(
    key: KeyArgument,
    value: Annotated[
        str | None,
        Argument(metavar="VALUE", help="Lists are separated by commas. A secret is asked for instead."),
    ] = None,
    project: ProjectFlag = False,
    json: JsonFlag = False,
) -> None:
    """Set a setting, for this user or for the project here. Comments in the file are kept.

    Examples:
        runctl config set max_hours 12
        runctl config set output results,plots --project
        runctl config set providers.mycloud.api_key < key.txt
    """
    from runctl_core.config_file import is_secret, set_value

    text = _secret(key, value) if is_secret(key) else value
    if text is None:
        raise UsageError(f"{key} is given no value", fix=f"runctl config set {key} VALUE")
    path = set_value(key, text, project=project, directory=os.getcwd())
    _changed(key, "set", path, json)


def _secret(key: str, value: str | None) -> str:
    """A secret from the terminal, unseen, or from standard input."""
    if value is not None:
        raise UsageError(
            f"{key} was given its value on the command line",
            why="every user of this computer can read command lines",
            fix=f"runctl config set {key}, which asks for it",
        )
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass(f"{key}: ", stream=sys.stderr)
    return sys.stdin.readline().rstrip("\n")


def unset(key: KeyArgument, project: ProjectFlag = False, json: JsonFlag = False) -> None:
    """Take a setting back, so that the next layer counts.

    Examples:
        runctl config unset max_hours
    """
    from runctl_core.config_file import unset_value

    path = unset_value(key, project=project, directory=os.getcwd())
    _changed(key, "unset", path, json)


def _changed(key: str, change: str, path: str, json: bool) -> None:
    if json:
        output.print_json({"key": key, "change": change, "path": path})
        return
    output.note(f"{key} is {change} in {path}")


def validate(json: JsonFlag = False) -> None:
    """Check every file and variable that configures runctl.

    Errors name the file, the line and the nearest known key.

    Examples:
        runctl config validate
    """
    from runctl_core.config import load, strange_variables, unused_sections
    from runctl_core.errors import ConfigError

    warnings: list[str] = []
    try:
        config = load(directory=os.getcwd())
        _rows()
        warnings = [*unused_sections(config), *strange_variables()]
    except ConfigError as error:
        if json:
            output.print_json({"valid": False, "error": error.to_json(), "warnings": warnings})
        raise
    if json:
        output.print_json({"valid": True, "error": None, "warnings": warnings})
        return
    for warning in warnings:
        output.note(f"warning: {warning}")
    output.note("the configuration is valid")


def path(json: JsonFlag = False) -> None:
    """Show where the configuration is, the files that count first above.

    Examples:
        runctl config path
    """
    from runctl_core.config import project_file, user_file

    files = [("project", project_file(os.getcwd())), ("user", user_file())]
    if json:
        rows = [{"layer": layer, "path": p, "exists": bool(p and os.path.exists(p))} for layer, p in files]
        output.print_json(rows)
        return
    output.pairs((layer, p or "none: runctl init writes one") for layer, p in files)
