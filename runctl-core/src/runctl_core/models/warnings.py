"""A warning: something in what a run uses that its user can mend."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen


class WarningKind(StrEnum):
    """What is wrong."""

    MEMORY = "memory"
    DISK = "disk"
    GPU_TEMPERATURE = "gpu_temperature"
    GPU_STARVED = "gpu_starved"
    GPU_IDLE = "gpu_idle"


@frozen
class UsageWarning:
    """Something in what a run uses that its user can mend.

    Attributes:
        kind: What is wrong.
        message: The same for a person, with the figures, in one line.
        since: Since when it has been so, as far as samples reach back.
        figure: What was measured, in `unit`.
        threshold: The setting that it is beyond, in `unit`.
        unit: `%`, `GB` or `°C`.
        fix: The command or the act that mends it.
    """

    kind: WarningKind
    message: str
    since: datetime
    figure: float
    threshold: float
    unit: str
    fix: str
