"""The files of a project: which of them go to a machine, and bringing them there.

`select.py` chooses by the rules of git, `delivery.py` talks to `receiver/`, which is sent along and makes
the tree over there: by content, and whole or not at all.
"""

from __future__ import annotations

from runctl_core.sync.delivery import Sent, send
from runctl_core.sync.root import project_root
from runctl_core.sync.select import select
from runctl_core.sync.selection import LARGE_BYTES, Entry, LeftOut, Selection

__all__ = ["LARGE_BYTES", "Entry", "LeftOut", "Selection", "Sent", "project_root", "select", "send"]
