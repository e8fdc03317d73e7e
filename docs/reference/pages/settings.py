"""`settings.md`: every setting and every variable, from their declarations."""

from __future__ import annotations

import importlib
import json

from pages.markdown import code, table
from runctl_core.cli.app import command_for, parameters
from runctl_core.cli.table import COMMANDS
from runctl_core.config import KNOWN_VARIABLES
from runctl_core.core_settings import CoreSettings
from runctl_core.plugins import load_provider
from runctl_core.settings import Setting, describe

_INTRODUCTION = """\
# Settings

A flag wins over a `RUNCTL_*` variable, over `runctl.toml` or `[tool.runctl]` in `pyproject.toml` of
the project, over the user's `config.toml`, over the default. `runctl config show` tells each value and
where it is from; `runctl config set KEY VALUE` writes one. A key that nobody knows is an error that
names the nearest one. In a variable, a list is separated by commas.
"""
_PROVIDERS = """\
## Settings of the provider `local`

A provider's settings stand below `[providers.NAME]` in a file.
"""
_VARIABLES = "## Other variables\n"
_COLUMNS = ("Key", "Variable", "Flag of `train`", "Default", "Meaning")


def page() -> str:
    """The whole page."""
    flags = _flags_of_train()
    core = [_row(s, s.name, "RUNCTL_", f"--{_dashed(s.name)}", flags) for s in describe(CoreSettings)]
    own = [_local_row(s) for s in describe(load_provider("local").settings)]
    variables = [(code(name), meaning) for name, meaning in KNOWN_VARIABLES.items()]
    return "\n".join(
        [
            _INTRODUCTION,
            "## Settings of runctl\n",
            table(_COLUMNS, core),
            _PROVIDERS,
            table(_COLUMNS, own),
            _VARIABLES,
            table(("Variable", "Meaning"), variables),
        ]
    )


def _local_row(setting: Setting) -> tuple[str, ...]:
    flag = f"--local-{_dashed(setting.name)}"
    flags = set() if setting.secret else {flag}
    return _row(setting, f"providers.local.{setting.name}", "RUNCTL_LOCAL_", flag, flags)


def _row(setting: Setting, key: str, prefix: str, flag: str, flags: set[str]) -> tuple[str, ...]:
    shown = code(flag) if flag in flags else ""
    return (
        code(key),
        code(prefix + setting.name.upper()),
        shown,
        code(_default(setting.default)),
        setting.help,
    )


def _default(value: object) -> str:
    return "" if value in (None, []) else json.dumps(value, default=float)


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _flags_of_train() -> set[str]:
    row = next(row for row in COMMANDS if row[0] == "train")
    function = getattr(importlib.import_module(row[1]), row[2])
    _, panels = parameters(command_for("train", function, ["--provider", "any"]))
    return {word.rstrip(",") for rows in panels.values() for flag, _ in rows for word in flag.split()}
