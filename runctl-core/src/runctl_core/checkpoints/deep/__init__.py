"""Checks that read files to their end: the checksums of archives, the instructions of pickles, and
whether shards have what their index says. Nothing is executed, and little memory is taken.
"""

from __future__ import annotations

from runctl_core.checkpoints.deep.checks import check, is_read
from runctl_core.checkpoints.deep.shards import check as shards

__all__ = ["check", "is_read", "shards"]
