"""The formats of checkpoints, and how each tells a whole one from a damaged one.

Only headers, directories of archives and small side files are read. A format that cannot tell says so
in `problem` and calls the file complete when it is not empty, because a script may still load it.
"""

from __future__ import annotations

from runctl_core.checkpoints.formats.installed import Broken, broken
from runctl_core.checkpoints.formats.known import (
    claim,
    claim_file,
    claim_folder,
    made_of_parts,
    of_plugins,
)
from runctl_core.models.checkpoints import Format, Look

__all__ = [
    "Broken",
    "Format",
    "Look",
    "broken",
    "claim",
    "claim_file",
    "claim_folder",
    "made_of_parts",
    "of_plugins",
]
