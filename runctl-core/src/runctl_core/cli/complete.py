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
    if before[:1] == ["help"]:
        return candidates(before[1:], incomplete)
    if not before:
        return [name for name in table.names() if name.startswith(incomplete)]
    if before[-1] == "=":  # bash makes three words of `--option=value`
        return candidates(before[:-1], incomplete)
    if incomplete == "=":
        return candidates(before, "")
    if incomplete.startswith("--") and "=" in incomplete:
        option, _, value = incomplete.partition("=")
        return [f"{option}={word}" for word in candidates([*before, option], value)]
    if len(before) == 1 and (rows := table.subcommands(before[0])):
        return [row[0].split()[1] for row in rows if row[0].split()[1].startswith(incomplete)]
    row = table.find(before)
    return [] if row is None else _of_command(row, before, incomplete)


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
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    given, words = 0, iter(rest)
    for word in words:
        option = _option(command, word)
        if option is not None and not option.is_flag:
            next(words, None)
        given += not word.startswith("-")
    return _values(arguments[given], incomplete) if given < len(arguments) else []


def _values(parameter: Any, incomplete: str) -> list[str]:
    from runctl_core.cli.options import complete_providers, complete_resources, complete_runs
    from runctl_core.models.resources import ResourceState
    from runctl_core.models.runs import RunState

    placeholders = (parameter.metavar or "").strip("[].").split("|")
    if parameter.name == "provider":
        known = complete_providers(incomplete)
    elif parameter.name == "state":
        known = [str(state) for state in RunState]
    elif parameter.name == "resource_state":
        known = [str(state) for state in ResourceState]
    elif "RESOURCE" in placeholders:
        known = complete_resources(incomplete)
    elif "RUN" in placeholders:
        known = complete_runs(incomplete)
    else:
        known = [word for word in placeholders if len(placeholders) > 1 and word.islower()]
    return [word for word in known if word.startswith(incomplete)]
