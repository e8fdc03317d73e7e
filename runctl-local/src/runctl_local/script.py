"""The script `runctl-local`: `runctl` with this computer as the provider, unless another is named."""

from __future__ import annotations

import os
import sys

from runctl_core.api import run_command


def main() -> None:
    """Run a command line of runctl."""
    os.environ.setdefault("RUNCTL_PROVIDER", "local")
    sys.exit(run_command(sys.argv[1:]))
