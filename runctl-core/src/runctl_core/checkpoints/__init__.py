"""Checkpoints: found, described and judged without executing anything in them.

Nothing is ever unpickled, and tensor data is never read: headers, zip directories, names and side
files are enough.
"""

from __future__ import annotations

from runctl_core.checkpoints.search import Choice, describe, find, newest_complete

__all__ = ["Choice", "describe", "find", "newest_complete"]
