"""The adapter to Typer: builds the app of the one command that is called, runs it, shows errors.

This module alone touches more of Typer than `Typer, Argument, Option, Exit, BadParameter`. Help pages
and errors are rendered by us: Typer's own import rich, which costs more than the whole of `ps`.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from runctl_core.cli import output, table
from runctl_core.errors import INTERNAL_FAULT, NotFound, PluginError, RunctlError, StateError, UsageError

_HELP = ("--help", "-h")
_METAVARS = dict.fromkeys(("int", "int range", "float", "float range"), "NUMBER")
_INTERRUPTED = 130
_BROKEN_PIPE = 141


def run(words: list[str]) -> int:
    """Run a command line and return its exit status; every error is shown here, once."""
    output.claim_stdout()
    try:
        try:
            return _dispatch(words)
        finally:
            output.results().flush()
    except RunctlError as error:
        return _show(error)
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader has gone: end as quietly as a program that SIGPIPE ended.
        output.drop_results()
        return _BROKEN_PIPE
    except OSError as error:
        output.drop_results()
        return _show(_system_error(error))
    except SystemExit as ended:
        return _show(_plugin_exited(ended))
    except Exception as error:
        return _internal_fault(error)


def _dispatch(words: list[str]) -> int:
    if words[0] == "_complete":
        from runctl_core.cli.complete import complete

        return complete(words[1:])
    if words[0] in _HELP or words[0] == "help":
        return _help([word for word in words if word not in (*_HELP, "help")])
    if _quick(words):
        return 0
    row = table.find(words)
    if row is not None:
        _require_whole_words(words)
        depth = len(row[0].split())
        return _invoke(row[0], _function(row), words[depth:])
    if table.subcommands(words[0]):
        return _group(words)
    return _plugin_group(words)


def _help(words: list[str]) -> int:
    if words:
        return _dispatch([*words, "--help"])
    from runctl_core.__main__ import root_help_page

    output.results().write(root_help_page())
    return 0


def _require_whole_words(words: list[str]) -> None:
    """Raise UsageError for a word that is empty or no text. What follows `--` is the script's own."""
    from runctl_core.paths import require_text

    for word in words[: words.index("--")] if "--" in words else words:
        if not word or (word.startswith("--") and word.find("=") == len(word) - 1):
            raise UsageError(
                f"{word[:-1] or 'an argument'} is empty",
                why="a shell variable that is not set gives an empty word",
                fix=f"runctl {words[0]} --help".replace("  ", " "),
            )
        require_text(word)


def _quick(words: list[str]) -> bool:
    """Whether the command line was one that needs no Typer, and was carried out."""
    if words[0] not in table.QUICK:
        return False
    module, name, flags = table.QUICK[words[0]]
    if not flags.keys() >= set(words[1:]):
        return False
    getattr(importlib.import_module(module), name)(**{flags[word]: True for word in words[1:]})
    return True


def _function(row: tuple[str, str, str, str, str]) -> Any:
    return getattr(importlib.import_module(row[1]), row[2])


def _group(words: list[str]) -> int:
    from runctl_core.cli.help import group_help

    if words[1:2] and words[1] not in _HELP:
        known = [row[0].split()[1] for row in table.subcommands(words[0])]
        raise _unknown(f"{words[0]} {words[1]}", words[1], known, f"runctl {words[0]} --help")
    output.results().write(group_help(words[0]))
    return 0 if words[1:2] else UsageError.exit_status


def _plugin_group(words: list[str]) -> int:
    from runctl_core.plugins import command_groups, load_command_group

    groups = {point.name: point for point in command_groups()}
    if words[0] not in groups:
        raise _unknown(words[0], words[0], [*table.names(), *groups], "runctl --help")
    point = groups[words[0]]
    target = load_command_group(point, table.taken())
    output.release_stdout()
    try:
        return _carried_out(target, words)
    except (RunctlError, OSError):
        raise
    except SystemExit as ended:
        return _status_of(ended)
    except Exception as error:
        raise PluginError(
            f"runctl {words[0]} failed",
            why=f"{point.source}: {type(error).__name__}: {error}",
            fix=f"RUNCTL_DEBUG=1 shows where; tell the author of {point.distribution}",
        ) from error


def _carried_out(target: Any, words: list[str]) -> int:
    from typer import Typer

    if isinstance(target, Typer):
        from typer.main import get_command

        return _run(get_command(target), f"runctl {words[0]}", words[1:])
    return int(target(words[1:]) or 0)


def _status_of(ended: SystemExit) -> int:
    """The exit status that Python itself would give for a `sys.exit`."""
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    output.note(str(ended.code))
    return 1


def _unknown(shown: str, word: str, known: list[str], fix: str) -> UsageError:
    import difflib

    near = difflib.get_close_matches(word, known, n=3)
    why = f"near ones: {', '.join(near)}" if near else ""
    return UsageError(f"no command {shown}", why=why, fix=fix)


def command_for(name: str, function: Any, words: list[str]) -> Any:
    """The parsed command of a function, with the flags of the provider that `words` choose."""
    from typer import Typer
    from typer.main import get_command

    from runctl_core.cli.options import with_provider_flags

    app = Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(name)(with_provider_flags(function, words))
    return get_command(app)


def _invoke(name: str, function: Any, words: list[str]) -> int:
    command = command_for(name, function, words)
    own = words[: words.index("--")] if "--" in words else words
    if any(word in _HELP for word in own):
        output.results().write(_page(name, function, command))
        return 0
    return _run(command, f"runctl {name}", words)


def _run(command: Any, name: str, words: list[str]) -> int:
    from typer import Abort
    from typer._click.exceptions import NoSuchOption
    from typer.exceptions import TyperException

    try:
        status = command.main(args=words, prog_name=name, standalone_mode=False)
    except NoSuchOption as error:
        raise _unknown_option(error, command, name, words) from error
    except TyperException as error:
        raise UsageError(error.format_message().rstrip("."), fix=f"{name.split(' --')[0]} --help") from error
    except Abort:
        return _INTERRUPTED
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):
            raise ended.__context__ from None  # Typer makes a plain exit of it
        raise
    return status if isinstance(status, int) else 0


def _unknown_option(error: Any, command: Any, name: str, words: list[str]) -> UsageError:
    """Name the near ones, and `--` where the option may have been meant for the program that is run."""
    import difflib

    options = {option: parameter for parameter in command.params for option in parameter.opts}
    near = difflib.get_close_matches(error.option_name, options, n=3, cutoff=0.75)
    why, fix = [f"near ones: {', '.join(near)}"] if near else [], f"{name} --help"
    if "--" not in words and any("--" in (p.metavar or "") for p in command.params):
        why.append("what follows `--` is passed on as it is")
        fix = fix if near else f"{name} {_with_dashes(words, options)}"
    return UsageError(f"no option {error.option_name}", why="; ".join(why), fix=fix)


def _with_dashes(words: list[str], options: dict[str, Any]) -> str:
    """The command line as it was meant: our own options, `--`, and what is not ours."""
    import shlex

    ours: list[str] = []
    theirs: list[str] = []
    rest = iter(words)
    for word in rest:
        option = options.get(word.partition("=")[0]) if word.startswith("-") else None
        if option is None:
            (theirs if theirs or word.startswith("-") else ours).append(word)
        else:
            ours.append(word)
            ours += [] if option.is_flag or "=" in word else [next(rest, "")]
    return shlex.join([*ours, "--", *theirs])


def _page(name: str, function: Any, command: Any) -> str:
    import inspect

    from runctl_core.cli.help import command_help

    arguments, panels = parameters(command)
    return command_help(name, inspect.getdoc(function) or "", arguments, panels)


def parameters(command: Any) -> tuple[list[tuple[str, str]], dict[str, list[tuple[str, str]]]]:
    """What a parsed command takes, each with its help: its arguments, and its options by panel."""
    arguments: list[tuple[str, str]] = []
    panels: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            arguments.append((parameter.metavar or parameter.name.upper(), parameter.help or ""))
        elif parameter.name != "help":
            title = getattr(parameter, "rich_help_panel", None) or "Options"
            panels.setdefault(title, []).append((_flag(parameter), parameter.help or ""))
    panels.setdefault("Options", []).append(("--help", "Print this."))
    return arguments, panels


def _flag(option: Any) -> str:
    names = ", ".join(sorted(option.opts, key=len))
    if option.is_flag:
        return names
    return f"{names} {option.metavar or _METAVARS.get(option.type.name, 'NAME')}"


def _show(error: RunctlError) -> int:
    output.note(f"error: {output.visible(error.message)}")
    if error.why:
        output.note("  why: " + error.why.replace("\n", "\n       "))
    if error.fix:
        output.note(f"  fix: {output.visible(error.fix)}")
    if os.environ.get("RUNCTL_DEBUG"):
        _print_traceback()
    return error.exit_status


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()


def _system_error(error: OSError) -> RunctlError:
    if isinstance(error, FileNotFoundError) and error.filename is None:
        return NotFound("the current directory is gone", why="it was deleted", fix="cd to one that exists")
    where = f": {error.filename}" if error.filename else ""
    return StateError(
        "the operating system refused",
        why=f"{error.strerror or error}{where}",
        fix="check the disk and its permissions: runctl doctor",
    )


def _plugin_exited(ended: SystemExit) -> PluginError:
    return PluginError(
        f"a plugin called sys.exit({ended.code!r}) in the middle of runctl's work",
        why="a provider says what is wrong with an error, and never ends the program",
        fix="RUNCTL_DEBUG=1 shows where; tell its author",
    )


def _internal_fault(error: Exception) -> int:
    output.note(f"error: runctl itself is at fault: {type(error).__name__}: {error}")
    if os.environ.get("RUNCTL_DEBUG"):
        _print_traceback()
    else:
        output.note(f"  why: {_keep_traceback(error)}")
    output.note("  fix: RUNCTL_DEBUG=1 shows where; please report it")
    return INTERNAL_FAULT


def _keep_traceback(error: Exception) -> str:
    import time
    import traceback

    from runctl_core.paths import ensure_private_dir, state_dir

    try:
        path = os.path.join(ensure_private_dir(state_dir()), f"crash-{int(time.time())}.log")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            traceback.print_exception(error, file=file)
    except (OSError, StateError) as reason:
        return f"the traceback could not be kept: {reason}"
    return f"the traceback is in {path}"
