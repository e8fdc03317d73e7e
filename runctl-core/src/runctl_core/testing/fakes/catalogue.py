"""What the fake cloud offers: types of machines, in the zones of two regions, at prices for an hour."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from attrs import frozen

GIB = 1 << 30
ZONES = {"north-a": "north", "north-b": "north", "south-a": "south"}
"""Each zone, and its region."""

_DEARER = {"north": Decimal(1), "south": Decimal("1.2")}
_SPOT = Decimal("0.4")
_CENT_OF_A_CENT = Decimal("0.0001")


@frozen
class MachineType:
    """A type of machine.

    Attributes:
        name: The cloud's name for it.
        vcpus: Virtual processors.
        memory_bytes: Main memory.
        gpu: The GPU's name; None without one.
        gpu_count: How many GPUs.
        hourly_usd: What an hour costs in the cheaper region; None where the cloud does not tell.
        spot: Whether there are spot machines of it, for two fifths of the price.
        full: Zones without a free one, for a start.
    """

    name: str
    vcpus: int
    memory_bytes: int
    gpu: str | None = None
    gpu_count: int = 0
    hourly_usd: Decimal | None = None
    spot: bool = True
    full: tuple[str, ...] = ()

    def price(self, region: str, *, spot: bool) -> Decimal | None:
        """What an hour costs there."""
        if self.hourly_usd is None:
            return None
        return (self.hourly_usd * _DEARER[region] * (_SPOT if spot else 1)).quantize(_CENT_OF_A_CENT)


TYPES = {
    kind.name: kind
    for kind in (
        MachineType("cpu-2", 2, 4 * GIB, hourly_usd=Decimal("0.05")),
        MachineType("cpu-8", 8, 32 * GIB, hourly_usd=Decimal("0.20"), spot=False),
        MachineType("l4-1", 8, 32 * GIB, "L4", 1, Decimal("0.70")),
        MachineType("a100-1", 16, 128 * GIB, "A100", 1, Decimal("1.80"), full=("south-a",)),
        MachineType("h100-1", 26, 200 * GIB, "H100", 1, Decimal("2.90")),
        MachineType("h100-8", 208, 1600 * GIB, "H100", 8, Decimal("23.00"), full=("north-a",)),
        MachineType("b200-1", 28, 240 * GIB, "B200", 1),
    )
}


def places() -> Iterator[tuple[MachineType, str, bool]]:
    """Everything that is sold: a type, a zone, and whether it is a spot machine."""
    for kind in TYPES.values():
        for zone in ZONES:
            for spot in (False, True) if kind.spot else (False,):
                yield kind, zone, spot
