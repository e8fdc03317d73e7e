"""The books: runs, intents, resources and what they cost. One SQLite file, many processes."""

from __future__ import annotations

from runctl_core.tracking.tracker import ResourceTracker

__all__ = ["ResourceTracker"]
