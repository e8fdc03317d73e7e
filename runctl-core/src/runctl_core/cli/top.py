"""`runctl top`: the dashboard. Its library, textual, is an extra and is imported only here."""

from __future__ import annotations

import os
import sys
from typing import Annotated

from typer import Exit, Option

from runctl_core.cli import output
from runctl_core.cli.session import Session


def top(
    interval: Annotated[
        float, Option(metavar="SECONDS", min=1, help="Time between two questions to a provider.")
    ] = 10.0,
) -> None:
    """Watch runs, resources, money and the log of a run, and stop, pull or clean up with a key.

    Providers are asked in the background; one that does not answer is named, and what the books
    know of it stays on the screen. Leaving it touches no run.

    Examples:
        runctl top
        runctl top --interval 60
        NO_COLOR=1 runctl top
    """
    _require_textual()
    _require_terminal()
    from runctl_core import dashboard
    from runctl_core.clock import now
    from runctl_core.plugins import provider_names
    from runctl_core.training.reporter import Reporter

    session = Session(None, Reporter())
    sources = dashboard.Sources(
        engine=session.engine,
        names=tuple(dict.fromkeys([*provider_names(), *session.tracker.providers()])),
        open_provider=session.provider,
        owner=session.owner,
        interval_s=interval,
        timeout_s=session.settings.list_timeout_seconds,
        thresholds=session.settings,
        clock=now,
        inventory=session.inventory,
        safety=session.safety,
        cleaner=session.cleanup,
    )
    left = dashboard.show(sources, output.results())
    for line in left.under_way:
        output.note(line)
    raise Exit(left.status)


def _require_terminal() -> None:
    from runctl_core.errors import UsageError

    instead = "runctl resources list --json, or runctl ps --json"
    if not (sys.stdin.isatty() and output.results().isatty()):
        raise UsageError("runctl top needs a terminal", why="its input or output is not one", fix=instead)
    if os.environ.get("TERM", "dumb") == "dumb":
        raise UsageError(
            "runctl top needs a terminal that can place its cursor",
            why=f"TERM is {os.environ.get('TERM') or 'not set'}",
            fix=f"TERM=xterm runctl top; or {instead}",
        )


def _require_textual() -> None:
    from importlib.util import find_spec

    from runctl_core.errors import NotFound

    if find_spec("textual") is None:
        raise NotFound(
            "the dashboard is not installed",
            why="it needs textual, which only the extra `top` of runctl-core brings",
            fix=_install(sys.prefix),
        )


def _install(prefix: str) -> str:
    """The command that adds the extra, by what made the environment."""
    if os.path.exists(os.path.join(prefix, "uv-receipt.toml")):
        return "uv tool install 'runctl-core[top]', with the same --with as before"
    if os.path.exists(os.path.join(prefix, "pipx_metadata.json")):
        return "pipx inject runctl-core textual"
    return "pip install 'runctl-core[top]'"
