"""`runctl mycloud SCRIPT`: the same as `runctl train --provider mycloud SCRIPT`."""

from __future__ import annotations

from runctl_core.api import run_command


def app(words: list[str]) -> int:
    """Train there, and return the exit status."""
    return run_command(["train", "--provider", "mycloud", *words])
