"""A request says which offers it takes: each filter narrows, and an empty one takes what is not spot."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from runctl_core.models.money import UNKNOWN_PRICE, Price
from runctl_core.models.resources import Offer, ResourceRequest

OFFER = Offer(
    "acme", "gpu-2", Price(Decimal("2.50")), "H100", 2, vcpus=8, memory_bytes=64, region="north", zone="n-1"
)


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"gpu": "h100", "gpu_count": 2},
        {"gpu": "H100"},
        {"instance_type": "gpu-2"},
        {"vcpus": 8, "memory_bytes": 64},
        {"max_hourly_usd": Decimal("2.50")},
        {"region": "north"},
    ],
)
def test_what_fits_is_taken(request_: dict[str, Any]) -> None:
    assert ResourceRequest(**request_).takes(OFFER)


@pytest.mark.parametrize(
    "request_",
    [
        {"gpu": "A100"},
        {"gpu": "H100", "gpu_count": 3},
        {"instance_type": "gpu-4"},
        {"vcpus": 9},
        {"memory_bytes": 65},
        {"spot": True},
        {"max_hourly_usd": Decimal("2.49")},
        {"region": "south"},
    ],
)
def test_what_lacks_anything_is_not(request_: dict[str, Any]) -> None:
    assert not ResourceRequest(**request_).takes(OFFER)


def test_a_price_that_nobody_knows_is_under_no_limit() -> None:
    unknown = evolve(OFFER, price=UNKNOWN_PRICE)
    assert ResourceRequest().takes(unknown)
    assert not ResourceRequest(max_hourly_usd=Decimal(100)).takes(unknown)


def test_a_machine_that_may_be_taken_away_is_never_granted_silently() -> None:
    assert not ResourceRequest().takes(evolve(OFFER, spot=True))
    assert ResourceRequest(spot=True).takes(evolve(OFFER, spot=True))
