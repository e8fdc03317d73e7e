"""The settings of a provider."""

from __future__ import annotations

from decimal import Decimal

from attrs import define

from runctl_core.api import setting


@define
class Settings:
    """Where machines are made, as whom, and for how much."""

    folder: str | None = setting(None, help="Where machines are; below the state directory otherwise.")
    api_key: str | None = setting(None, help="The account's key.", secret=True)
    hourly_usd: Decimal | None = setting(None, help="What an hour costs, in dollars; unknown otherwise.")
