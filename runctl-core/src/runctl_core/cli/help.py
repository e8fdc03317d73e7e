"""Help pages: plain text, aligned, as wide as the terminal and never wider than 100 columns."""

from __future__ import annotations

import os
from collections.abc import Iterable

from runctl_core.cli.table import COMMANDS, EXIT_STATUS, GROUPS, PANELS, subcommands


def root_help(plugin_groups: Iterable[tuple[str, str]] = ()) -> str:
    """What `runctl --help` prints. `plugin_groups` are names and one-line summaries."""
    parts = ["Usage: runctl COMMAND [OPTIONS]", "Train anywhere with one command.", ""]
    for panel in PANELS:
        parts += [f"{panel}:", *_rows(_panel_rows(panel)), ""]
    plugins = list(plugin_groups)
    if plugins:
        parts += ["From plugins:", *_rows(plugins), ""]
    parts += [
        "Options:",
        *_rows([("--version", "Print the version"), ("--help", "Print this, or a command's page")]),
        "",
        "Examples:",
        "  runctl train train.py",
        "  runctl train train.py --gpu H100 --max-hours 8 -- --epochs 20",
        "  runctl ps",
        "",
        "`train`, `resume`, `attach` and `exec` exit with the program's own status, 130 when detached.",
        "100 to 117 are runctl's own failures.",
    ]
    return "\n".join(parts) + "\n"


def _panel_rows(panel: str) -> list[tuple[str, str]]:
    rows: dict[str, str] = {}
    for name, _, _, in_panel, summary in COMMANDS:
        if in_panel == panel:
            first = name.split()[0]
            rows[first] = GROUPS.get(first, summary)
    return list(rows.items())


def group_help(group: str) -> str:
    """What `runctl config --help` prints."""
    rows = [(row[0].split()[1], row[4]) for row in subcommands(group)]
    parts = [f"Usage: runctl {group} COMMAND [OPTIONS]", f"{GROUPS[group]}.", "", "Commands:"]
    more = ["", f"`runctl {group} COMMAND --help` has each one's options and examples."]
    return "\n".join([*parts, *_rows(rows), *more]) + "\n"


def _rows(rows: Iterable[tuple[str, str]]) -> list[str]:
    rows = list(rows)
    column = min(max((len(left) for left, _ in rows), default=0), 34) + 4
    width = _page_width()
    lines = []
    for left, right in rows:
        wrapped = _wrapped(right, width - column)
        head = f"  {left}".ljust(column)
        if len(left) + 4 > column:
            lines.append(f"  {left}")
            head = " " * column
        lines.append((head + wrapped[0]).rstrip())
        lines += [" " * column + line for line in wrapped[1:]]
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _page_width() -> int:
    return max(40, min(_columns(), 100))


def _columns() -> int:
    try:
        return int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size().columns
    except (OSError, ValueError):
        return 80


def command_help(
    name: str,
    docstring: str,
    arguments: list[tuple[str, str]],
    panels: dict[str, list[tuple[str, str]]],
) -> str:
    """The page of one command.

    Args:
        name: Its words.
        docstring: Its function's; everything after `Examples:` is shown as it is.
        arguments: Placeholder and help of each argument.
        panels: Title of each group of options, and its options with their help.
    """
    text, _, examples = docstring.partition("Examples:\n")
    usage = " ".join(["runctl", name, "[OPTIONS]", *(left for left, _ in arguments)])
    parts = [f"Usage: {usage}", ""]
    for paragraph in text.strip().split("\n\n"):
        parts += [*_wrapped(paragraph, _page_width()), ""]
    shown = [(left, right) for left, right in arguments if right]
    if shown:
        parts += ["Arguments:", *_rows(shown), ""]
    for title, rows in panels.items():
        parts += [f"{title}:", *_rows(rows), ""]
    if name in EXIT_STATUS:
        parts += [
            "Exit status:",
            *("  " + line for line in _wrapped(EXIT_STATUS[name], _page_width() - 2)),
            "",
        ]
    if examples:
        parts += ["Examples:", *("  " + line.strip() for line in examples.strip().splitlines()), ""]
    return "\n".join(parts).rstrip() + "\n"
