"""`runctl sync --plan`: which files of a project go to a machine, and which do not, and why."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag

if TYPE_CHECKING:
    from runctl_core.sync import Selection

_LARGEST = 10
_MOST_LEFT_OUT = 50


def sync(
    script: Annotated[
        str | None,
        Argument(
            metavar="[SCRIPT]",
            help="Show its project, and what it would miss there; without it, this folder's project.",
        ),
    ] = None,
    plan: Annotated[bool, Option("--plan", help="Show what goes, and send nothing.")] = False,
    include: Annotated[
        list[str] | None, Option(metavar="PATH", help="Goes although it is ignored; again for more.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Show which files of a project go to a machine, and which do not and by which rule.

    With git, what it tracks or would track goes; elsewhere, what no `.gitignore` names. A
    `.runctlignore`, with the same rules, takes away more. `--include` brings a path whatever ignores it.

    Examples:
        runctl sync --plan train.py
        runctl sync --plan train.py --include data/small.csv
        runctl sync --plan --json
    """
    from runctl_core.errors import NotFound, UsageError
    from runctl_core.sync import project_root, select
    from runctl_core.sync.missed import missed
    from runctl_core.training.place import code_root

    if not plan:
        raise UsageError(
            "runctl sync shows what would be sent, and sends nothing by itself",
            why="runctl train sends the files when it has a machine",
            fix=shlex.join(["runctl", "sync", "--plan", *([script] if script else [])]),
        )
    if script and not os.path.isfile(script):
        raise NotFound(f"no script {script}", fix="check the path; it is taken from the current directory")
    included = [os.path.abspath(os.path.expanduser(path)) for path in include or ()]
    selection = select(code_root(script) if script else project_root(os.getcwd()), include=included)
    found = missed(script, selection, directory=os.getcwd()) if script else []
    if json:
        from runctl_core.sync.documents import of_selection

        output.print_json(of_selection(selection, found))
    else:
        _show(selection)
    for one in found:
        path = os.path.relpath(os.path.join(selection.root, one.path))
        output.note(
            f"{script}, line {one.line}, reads {path}, which stays here; to bring it: "
            f"--include {shlex.quote(path)}"
        )


def _show(selection: Selection) -> None:
    from runctl_core.sync import LARGE_BYTES

    state = "no git"
    if selection.in_git:
        state = f"commit {selection.commit[:12]}" if selection.commit else "no commit yet"
        state += " and changes since" if selection.commit and selection.dirty else ""
    count, size = output.count(len(selection.files), "file"), output.size(selection.size_bytes)
    output.note(f"{selection.root} ({state}): {count}, {size}")
    if selection.size_bytes > LARGE_BYTES:
        output.note(
            "that is much to send to each machine: name what the script does not need in .runctlignore"
        )
    largest = sorted(selection.files, key=lambda entry: -entry.size_bytes)[:_LARGEST]
    left_out = selection.left_out
    rows = [(entry.path, "goes", output.size(entry.size_bytes), "") for entry in largest]
    rows += [(left.path, "stays", "", left.rule or left.reason) for left in left_out[:_MOST_LEFT_OUT]]
    output.table(("PATH", "", "SIZE", "RULE"), rows, empty="there is no file", less_wanted=("SIZE",))
    more = [(len(selection.files) - len(largest), "smaller files go")]
    more += [(len(left_out) - _MOST_LEFT_OUT, "more paths stay")]
    for number, words in more:
        if number > 0:
            output.note(f"{number:,} {words}; --json lists them")
