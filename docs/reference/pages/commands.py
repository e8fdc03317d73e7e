"""`commands.md`: every command, from what its help page is made of."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

from pages.markdown import anchor, block, code, table
from pages.schemas import printed_by
from runctl_core.cli.app import command_for, parameters
from runctl_core.cli.table import COMMANDS, EXIT_STATUS, PANELS

_INTRODUCTION = """\
# Commands

`runctl --help` lists the commands, `runctl COMMAND --help` prints what stands here, and
`runctl --version` prints the version. Results go to standard output, everything else to
standard error. Where RUN is asked for, a run's id, the beginning of one, a name, or `latest` is
meant. Every command that prints data takes `--json` and then prints [one document](json.md).
`runctl local SCRIPT` is `runctl train SCRIPT --provider local` where that provider is installed.

Unless a command says otherwise, its exit status is 0, or that of [an error](errors.md).
"""


def page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    for panel in PANELS:
        rows = [
            (f"[`{row[0]}`](#{anchor('runctl ' + row[0])})", row[4]) for row in COMMANDS if row[3] == panel
        ]
        parts.append(f"## {panel}\n\n{table(('Command', 'What it does'), rows)}")
        parts += ["\n".join(_command(row)) for row in COMMANDS if row[3] == panel]
    return "\n".join(parts)


def _command(row: tuple[str, str, str, str, str]) -> Iterator[str]:
    name, module, attribute = row[:3]
    function = getattr(importlib.import_module(module), attribute)
    # No provider is chosen: the flags of a provider stand on the page of its settings.
    arguments, panels = parameters(command_for(name, function, ["--provider", "any"]))
    text, _, examples = (inspect.getdoc(function) or "").partition("Examples:\n")
    yield f"### runctl {name}\n"
    yield block(" ".join(["runctl", name, "[OPTIONS]", *(left for left, _ in arguments)]))
    yield text.strip() + "\n"
    if shown := [(code(left), right) for left, right in arguments if right]:
        yield table(("Argument", "Meaning"), shown)
    for title, options in panels.items():
        yield table((title, "Meaning"), [(code(flag), meaning) for flag, meaning in options])
    if "provider_flags" in inspect.signature(function).parameters:
        yield "The [settings](settings.md) of the chosen provider are options too.\n"
    if name in EXIT_STATUS:
        yield f"Exit status: {EXIT_STATUS[name]}\n"
    if schemas := printed_by(name):
        yield f"With `--json`: {', '.join(schemas)}.\n"
    yield "Examples:\n"
    yield block(inspect.cleandoc("\n" + examples))
