"""`runctl resources export`: what there is and what it costs, as a table, a page or a document."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

from typer import Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag
from runctl_core.cli.resources_view import AllFlag, look, tell_problems
from runctl_core.cli.session import Session

if TYPE_CHECKING:
    from runctl_core.reports import Report

_FORMATS = ("csv", "html", "json")


def export(
    to: Annotated[
        str | None, Option("--to", "-o", metavar="FILE", help="Where to; standard output otherwise.")
    ] = None,
    format: Annotated[
        str | None,
        Option("--format", metavar="|".join(_FORMATS), help="By FILE's ending otherwise, or csv."),
    ] = None,
    every: AllFlag = False,
    force: Annotated[bool, Option("--force", help="Write over a file that is there.")] = False,
    json: JsonFlag = False,
) -> None:
    """Write a report of all resources and of what was spent.

    The page is one file that loads nothing from anywhere: sortable, with charts, in dark and light, and
    fit to be printed. Its sums are those of `runctl cost`.

    Examples:
        runctl resources export --to report.html
        runctl resources export --format csv > resources.csv
        runctl resources export --json --all
    """
    from runctl_core.paths import remove_abandoned_parts, write_whole
    from runctl_core.reports import make_report

    chosen = "json" if json else _format(format, to)
    if to is not None:
        _require_free(to, force=force)
    session = Session()
    inventory = look(session, None, offline=False)
    report = make_report(session.tracker, inventory, every=every)
    tell_problems(inventory, inventory.taken_at)
    if to is None:
        output.print_text(_text(report, chosen))
        return
    try:
        remove_abandoned_parts(to)
        write_whole(to, [_text(report, chosen).encode("utf-8", "backslashreplace")])
    except OSError as error:
        raise _not_written(to, error) from error
    output.note(f"{output.count(len(report.lines), 'resource')} written to {to}")


def _format(wanted: str | None, to: str | None) -> str:
    from runctl_core.errors import UsageError

    ending = os.path.splitext(to or "")[1].lower().lstrip(".")
    chosen = wanted or {"htm": "html"}.get(ending, ending) or "csv"
    if chosen not in _FORMATS:
        raise UsageError(
            f"no format {chosen}", why=f"formats: {', '.join(_FORMATS)}", fix="--format html, csv or json"
        )
    return chosen


def _require_free(to: str, *, force: bool) -> None:
    from runctl_core.errors import Refused

    if os.path.isdir(to):
        raise Refused(f"{to} is a folder", fix=f"--to {os.path.join(to, 'report.html')}")
    if os.path.exists(to) and not os.path.isfile(to):
        raise Refused(
            f"{to} is no regular file",
            why="a file would take its place",
            fix="leave --to out, and use a pipe",
        )
    if os.path.exists(to) and not force:
        raise Refused(f"{to} is there already", fix="--force to write over it, or another name")


def _text(report: Report, chosen: str) -> str:
    from runctl_core import reports

    if chosen == "json":
        return output.in_json(reports.to_document(report))
    return reports.to_html(report) if chosen == "html" else reports.to_csv(report)


def _not_written(to: str, error: OSError) -> Exception:
    from runctl_core.errors import StateError

    return StateError(
        f"cannot write {to}",
        why=error.strerror or str(error),
        fix="--to a place with room that you may write",
    )
