"""The settings of runctl itself: each is a key, a variable, and a line of `config show`."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from attrs import define

from runctl_core.settings import setting

LARGEST = 1_000_000
"""The largest number of hours, minutes, seconds or dollars: beyond it stands a slip of the hand."""


def _above_zero(value: float | Decimal) -> str:
    return _too_large(value) if value > 0 else "it must be above zero"


def _not_negative(value: float) -> str:
    return _too_large(value) if value >= 0 else "it cannot be negative"


def _too_large(value: float | Decimal) -> str:
    return "" if value <= LARGEST else f"it cannot be above {LARGEST}"


def _percent(value: float) -> str:
    return "" if 0 <= value <= 100 else "it is a percentage, from 0 to 100"


def _within_an_hour(value: float) -> str:
    return "" if 0 <= value <= 60 else "it is at most 60: samples are kept for an hour"


@define
class CoreSettings:
    """The settings of runctl itself, whatever the provider."""

    provider: str | None = setting(None, help="The provider to train on.")
    project: str | None = setting(None, help="The project of new runs; the folder's name otherwise.")
    owner: str | None = setting(None, help="The owner of new runs; user@host otherwise.")
    max_hours: float | None = setting(
        None, help="End a run so many hours after its start, all attempts included.", valid=_above_zero
    )
    idle_minutes: float = setting(
        0.0, help="End a run after so long without output, checkpoint or work; 0 never.", valid=_not_negative
    )
    budget: Decimal | None = setting(
        None, help="End a run before it costs more dollars than this.", valid=_above_zero
    )
    daily_budget: Decimal | None = setting(
        None, help="Refuse a launch that could take a UTC day over so many dollars.", valid=_above_zero
    )
    monthly_budget: Decimal | None = setting(
        None, help="Refuse a launch that could take a UTC month over so many dollars.", valid=_above_zero
    )
    max_price: Decimal | None = setting(
        None, help="The highest price per hour, in dollars.", valid=_above_zero
    )
    list_timeout_seconds: float = setting(
        20.0, help="How long a provider may take to list what it has.", valid=_above_zero
    )
    grace_seconds: float = setting(30.0, help="Time between SIGTERM and SIGKILL.", valid=_not_negative)
    on_finish: Literal["terminate", "keep"] = setting(
        "terminate", help="What becomes of the machine at the end."
    )
    checkpoint_dir: str | None = setting(None, help="Where checkpoints go; the run's own folder otherwise.")
    output: list[str] = setting([], help="Files and folders that scripts make, to be collected.")
    include: list[str] = setting([], help="Files and folders that go to a machine although they are ignored.")
    env_file: str | None = setting(None, help="A file of variables for scripts; its values stay secret.")
    warn_memory_above_percent: float = setting(
        90.0, help="Warn when more of a machine's memory is in use; 0 never.", valid=_percent
    )
    warn_disk_free_below_gb: float = setting(
        5.0, help="Warn when less is free where a run writes; 0 never.", valid=_not_negative
    )
    warn_gpu_temperature_above_c: float = setting(
        87.0, help="Warn when a GPU is hotter, in degrees Celsius; 0 never.", valid=_not_negative
    )
    warn_gpu_below_percent: float = setting(
        20.0, help="Warn when GPUs are used less on average; 0 never.", valid=_percent
    )
    warn_gpu_after_minutes: float = setting(
        5.0, help="For so long GPUs must have been used less.", valid=_within_an_hour
    )
    release_timeout_seconds: float = setting(
        120.0, help="How long a provider may take until what it ended is gone.", valid=_not_negative
    )
    protected: list[str] = setting(
        [], help="What is never deleted: ids, names, PROVIDER/ID, TAG=VALUE. All layers add up.", adds_up=True
    )
