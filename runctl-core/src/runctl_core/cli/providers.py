"""`runctl providers`: what is installed, and what each can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, complete_providers

if TYPE_CHECKING:
    from runctl_core.plugins import PluginReport


def list_(json: JsonFlag = False) -> None:
    """List the installed providers; a broken one is named with its error.

    Examples:
        runctl providers list
        RUNCTL_PLUGINS=none runctl providers list
    """
    from runctl_core.plugins import load_all

    reports = load_all()
    if json:
        output.print_json([_document(report) for report in reports])
        return
    rows = [
        (
            r.name,
            r.info.title if r.info else "-",
            r.source,
            "ok" if r.info else "broken",
            r.error or r.warning,
        )
        for r in reports
    ]
    output.table(("PROVIDER", "TITLE", "FROM", "STATE", "PROBLEM"), rows, empty="no provider is installed")


def _document(report: PluginReport) -> dict[str, Any]:
    return {
        "provider": report.name,
        "title": report.info.title if report.info else None,
        "distribution": report.distribution,
        "version": report.version,
        "state": "ok" if report.info else "broken",
        "error": report.error,
        "warning": report.warning,
    }


def show(
    name: Annotated[
        str,
        Argument(metavar="NAME", help="An installed provider.", autocompletion=complete_providers),
    ],
    json: JsonFlag = False,
) -> None:
    """Show what a provider can do, what it cannot and why, its settings, and how it was checked.

    Examples:
        runctl providers show NAME
    """
    from runctl_core import conformance
    from runctl_core.plugins import entry_point_of, load_provider, load_report
    from runctl_core.settings import describe

    info = load_provider(name)
    report = load_report(name)
    document = _document(report) | {
        "api": info.api,
        "homepage": info.homepage or None,
        "unsupported": dict(info.unsupported),
        "conformance": conformance.document(entry_point_of(name)),
        "settings": [
            {
                "key": f"providers.{name}.{s.name}",
                "variable": f"RUNCTL_{name.upper().replace('-', '_')}_{s.name.upper()}",
                "flag": None if s.secret else f"--{name}-{s.name.replace('_', '-')}",
                "help": s.help,
            }
            for s in describe(info.settings)
        ],
    }
    if json:
        output.print_json(document)
        return
    recorded = document["conformance"]
    checked = conformance.in_words(recorded)
    output.pairs([("provider", name), ("title", info.title), ("from", report.source), ("checked", checked)])
    output.pairs([("warning", report.warning)] if report.warning else [])
    output.pairs(
        (f"  {found['check']}", f"{found['result']}: {found['reason']}") for found in recorded["problems"]
    )
    output.lines(["", "cannot:"] if info.unsupported else [])
    output.pairs((f"  {what}", why) for what, why in info.unsupported.items())
    output.lines(["", "settings:"] if document["settings"] else [])
    output.pairs((f"  {s['key']}", s["help"]) for s in document["settings"])
