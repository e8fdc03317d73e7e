"""The settings of the local provider."""

from __future__ import annotations

import os
from decimal import Decimal

from attrs import define

from runctl_core.api import Price, setting, state_dir


def _not_negative(value: Decimal) -> str:
    return "" if value >= 0 else "it cannot be negative"


@define
class Settings:
    """Where slots are, how GPUs are found, and what an hour costs."""

    directory: str | None = setting(None, help="Where slots live; below the state directory otherwise.")
    nvidia_smi: str = setting("nvidia-smi", help="The program that lists NVIDIA GPUs.")
    hourly_usd: Decimal = setting(
        Decimal(0), help="What an hour of a run costs here, such as for electricity.", valid=_not_negative
    )

    @property
    def price(self) -> Price:
        """The price of every slot."""
        return Price(self.hourly_usd, source="local")

    @property
    def home(self) -> str:
        """The absolute path of the directory of slots."""
        return os.path.abspath(os.path.expanduser(self.directory or os.path.join(state_dir(), "local")))
