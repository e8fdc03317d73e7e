"""`runctl local SCRIPT`: the same as `runctl train --provider local SCRIPT`."""

from __future__ import annotations

from runctl_core.api import run_command


def app(words: list[str]) -> int:
    """Run `runctl train` on this computer and return its exit status."""
    return run_command(["train", "--provider", "local", *words])
