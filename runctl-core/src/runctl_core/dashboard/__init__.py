"""The dashboard of `runctl top`: values and words, threads that gather, and thin widgets of textual.

`show` alone imports textual, which is an extra of runctl-core.
"""

from __future__ import annotations

from typing import TextIO

from attrs import frozen

from runctl_core.dashboard.sources import Sources

__all__ = ["Left", "Sources", "show"]


@frozen
class Left:
    """How the user left the dashboard.

    Attributes:
        status: The exit status: 0, or 128 and the number of the signal that ended it.
        under_way: What was begun and not done yet: a line each, with the command that tells.
    """

    status: int
    under_way: tuple[str, ...]


def show(sources: Sources, screen: TextIO) -> Left:
    """Show the dashboard until the user leaves it, and give the terminal back.

    Args:
        sources: Where everything comes from.
        screen: The terminal to draw on.

    Raises:
        Exception: A fault of runctl's own.
    """
    import os

    from runctl_core.dashboard.app import Dashboard
    from runctl_core.dashboard.glyphs import choose
    from runctl_core.dashboard.terminal import owned

    with owned(screen):
        dashboard = Dashboard(sources, choose(screen.encoding, os.environ))
        dashboard.run(mouse=False)
    if dashboard.fault is not None:
        raise dashboard.fault
    return Left(128 + dashboard.ended_by if dashboard.ended_by else 0, tuple(dashboard.acts.under_way))
