"""What may come next on a command line, for the shells' completion scripts.

The first word is answered in `__main__` already. Nothing here ever fails loudly: a completion that
cannot be computed is no completion.
"""

from __future__ import annotations

from typing import Any

from runctl_core.cli import output, table


def complete(words: list[str]) -> int:
    """Print candidates, a line each, for `_complete INDEX runctl WORD...`."""
    index = int(words[0]) if words and words[0].isdecimal() else 0
    typed = words[2:]
    before, incomplete = typed[: index - 1], typed[index - 1] if len(typed) >= index else ""
    output.lines(candidates(before, incomplete))
    return 0


def candidates(before: list[str], incomplete: str) -> list[str]:
    """What the word `incomplete` may become after the words `before`."""
    if "--" in before:
        return []
    if len(before) == 1 and (rows := table.subcommands(before[0])):
        return [row[0].split()[1] for row in rows if row[0].split()[1].startswith(incomplete)]
    row = table.find(before)
    if row is None:
        return []
    return _of_command(row, before, incomplete)


def _of_command(row: tuple[str, str, str, str, str], before: list[str], incomplete: str) -> list[str]:
    import importlib

    from runctl_core.cli.app import command_for
    from runctl_core.errors import RunctlError

    rest = before[len(row[0].split()) :]
    function = getattr(importlib.import_module(row[1]), row[2])
    try:
        command = command_for(row[0], function, before)
        if rest and (option := _option(command, rest[-1])) is not None and not option.is_flag:
            return _values(option, incomplete)
        if incomplete.startswith("-"):
            flags = [name for parameter in command.params for name in parameter.opts]
            return sorted(name for name in flags if name.startswith(incomplete) and name[:1] == "-")
        return _positional(command, rest, incomplete)
    except RunctlError:
        return []


def _option(command: Any, word: str) -> Any:
    return next((p for p in command.params if word in p.opts and word.startswith("-")), None)


def _positional(command: Any, rest: list[str], incomplete: str) -> list[str]:
    given = sum(1 for word in rest if not word.startswith("-"))
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    return _values(arguments[given], incomplete) if given < len(arguments) else []


def _values(parameter: Any, incomplete: str) -> list[str]:
    if parameter.name == "provider":
        from runctl_core.cli.options import complete_providers

        return complete_providers(incomplete)
    if parameter.metavar and "|" in parameter.metavar and "[" not in parameter.metavar:
        return [word for word in parameter.metavar.split("|") if word.startswith(incomplete)]
    if parameter.metavar in ("RUN", "[RUN]"):
        from runctl_core.cli.options import complete_runs

        return complete_runs(incomplete)
    return []
