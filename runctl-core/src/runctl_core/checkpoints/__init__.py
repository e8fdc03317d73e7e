"""Checkpoints: found, described and judged without executing anything in them.

Nothing is ever unpickled, and tensor data is never read: headers, zip directories, names and side
files are enough.
"""

from __future__ import annotations

from runctl_core.checkpoints.formats import broken, claim, claim_file
from runctl_core.checkpoints.search import Choice, Listing, describe, find, listing, newest_complete

__all__ = [
    "Choice",
    "Listing",
    "broken",
    "claim",
    "claim_file",
    "describe",
    "find",
    "listing",
    "newest_complete",
]
