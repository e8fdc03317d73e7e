"""What this computer offers: `cpu`, and each number of GPUs of one kind that it has."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal

from runctl_core.api import Offer, Price, ResourceRequest
from runctl_local.gpus import GPU

CPU = "cpu"
FREE = Price(Decimal(0), source="local")


def cpu_offer(note: str = "") -> Offer:
    """The whole computer without its GPUs; any number of runs share it."""
    return Offer(
        "local", CPU, FREE, vcpus=_processors(), memory_bytes=_memory_bytes(), available=True, note=note
    )


def gpu_offers(gpus: Sequence[GPU], free: Collection[GPU]) -> Iterator[Offer]:
    """One offer for each kind and number, those that are taken included."""
    for name in sorted({gpu.name for gpu in gpus}):
        same = [gpu for gpu in gpus if gpu.name == name]
        idle = sum(gpu in free for gpu in same)
        for count in range(1, len(same) + 1):
            yield Offer(
                "local",
                f"{name.lower().replace(' ', '-')}x{count}",
                FREE,
                gpu=name,
                gpu_count=count,
                gpu_memory_bytes=min(gpu.memory_bytes for gpu in same),
                vcpus=_processors(),
                memory_bytes=_memory_bytes(),
                available=count <= idle,
                note="" if count <= idle else f"{idle} of {len(same)} free",
            )


def fits(offer: Offer, request: ResourceRequest) -> bool:
    """Whether an offer is what is wanted."""
    if request.spot or request.region is not None:
        return False
    if request.instance_type is not None and offer.name != request.instance_type:
        return False
    if request.gpu is not None and (offer.gpu or "").lower() != request.gpu.lower():
        return False
    if request.gpu is not None and offer.gpu_count < max(1, request.gpu_count):
        return False
    limit, hourly = request.max_hourly_usd, offer.price.hourly_usd
    if limit is not None and (hourly is None or hourly > limit):
        return False
    return offer.vcpus >= request.vcpus and offer.memory_bytes >= request.memory_bytes


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
