"""The dashboard of `runctl top`: values and words, threads that gather, and thin widgets of textual.

`show` alone imports textual, which is an extra of runctl-core.
"""

from __future__ import annotations

from typing import TextIO

from runctl_core.dashboard.sources import Sources

__all__ = ["Sources", "show"]


def show(sources: Sources, screen: TextIO) -> list[str]:
    """Show the dashboard until the user leaves it.

    Args:
        sources: Where everything comes from.
        screen: The terminal to draw on.

    Returns:
        What was begun and was not done yet, a line each.

    Raises:
        SystemExit: A signal ended it; the status is 128 and its number.
        Exception: A fault of runctl's own.
    """
    import os
    import sys

    from runctl_core.dashboard.app import Dashboard
    from runctl_core.dashboard.glyphs import choose
    from runctl_core.dashboard.terminal import owned

    with owned(screen):
        dashboard = Dashboard(sources, choose(screen.encoding, os.environ))
        dashboard.run(mouse=False)
    if dashboard.fault is not None:
        raise dashboard.fault
    if dashboard.ended_by is not None:
        sys.exit(128 + dashboard.ended_by)
    return dashboard.acts.under_way
