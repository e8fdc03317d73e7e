"""Where the dashboard gets what it shows, and what its keys call."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from runctl_core.cleanup import Cleanup, CleanupSafety
from runctl_core.clock import Clock
from runctl_core.core_settings import CoreSettings
from runctl_core.inventory import Inventory
from runctl_core.provider import TrainingProvider
from runctl_core.tracking import ResourceTracker
from runctl_core.training.engine import Engine


@frozen
class Sources:
    """Where everything comes from.

    Attributes:
        engine: The run engine, with the books.
        names: The providers to ask.
        open_provider: Opens one of them.
        owner: Whose things are mine.
        interval_s: Seconds between two questions to a provider.
        timeout_s: Seconds that it has to answer.
        thresholds: From which figures on a usage is warned of.
        clock: The time.
        inventory: Asks every provider at once.
        safety: Says what may be deleted.
        cleaner: Makes what carries a plan of deletions out.
    """

    engine: Engine
    names: tuple[str, ...]
    open_provider: Callable[[str], TrainingProvider]
    owner: str
    interval_s: float
    timeout_s: float
    thresholds: CoreSettings
    clock: Clock
    inventory: Callable[[], Inventory]
    safety: CleanupSafety
    cleaner: Callable[[], Cleanup]

    @property
    def tracker(self) -> ResourceTracker:
        """The books."""
        return self.engine.tracker
