"""What a provider offers, makes and lists."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from attrs import field, frozen
from attrs.validators import instance_of

from runctl_core.errors import UsageError
from runctl_core.models.money import UNKNOWN_PRICE, Price

TAG_RUN = "runctl:run"
TAG_OWNER = "runctl:owner"
TAG_PROJECT = "runctl:project"
TAG_EXPIRES = "runctl:expires"
TAG_TOKEN = "runctl:token"  # noqa: S105  a tag's name, no secret
TAG_PROTECTED = "runctl:protected"


class ResourceState(StrEnum):
    """The state of a resource, in words that every provider's own states are mapped to."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    TERMINATING = "terminating"
    TERMINATED = "terminated"
    ERROR = "error"
    UNKNOWN = "unknown"

    @property
    def gone(self) -> bool:
        """Whether nothing of the resource is left to bill or to lose."""
        return self is ResourceState.TERMINATED


def parse_gpu(text: str) -> tuple[str, int]:
    """`H100:2` as name and count; the count is 1 when it is left out. Raises UsageError."""
    name, colon, count = text.partition(":")
    if not name or (colon and not (count.isdecimal() and len(count) < 6 and int(count) > 0)):
        raise UsageError(f"{text!r} names no GPU", why="it is NAME or NAME:COUNT", fix="--gpu H100:2")
    return name, int(count) if colon else 1


_NOISE = r"(?i)\b(NVIDIA|Tesla|GeForce|Quadro|Graphics|Device|PCIe?|SXM\d?|NVL|HBM\d\w?|\d+\s?GB)\b"


def gpu_name(text: str) -> str:
    """What people call a GPU, from what its driver or a cloud calls it.

    `NVIDIA H100 80GB HBM3` is `H100`, `NVIDIA GeForce RTX 4090` is `RTX 4090`. It is what `Offer.gpu` and
    `Resource.gpu` hold, so that one name finds the same GPU at every provider.
    """
    import re  # a listing of resources needs no pattern

    return " ".join(re.sub(_NOISE, " ", text.replace("-", " ")).split()) or text


def _frozen_map(values: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(values))


@frozen
class ResourceRequest:
    """What the user needs; every field narrows, and an empty request takes anything.

    Attributes:
        gpu: A GPU's name such as `H100`, matched without regard to case; None for no GPU.
        gpu_count: How many of them, at least; 0 with `gpu=None`.
        instance_type: The provider's own name for a machine type.
        vcpus: Virtual processors, at least.
        memory_bytes: Main memory, at least.
        spot: Whether a machine that may be taken away is wanted. Never granted silently.
        max_hourly_usd: The highest price per hour; offers with an unknown price do not fit it.
        region: The provider's name of a region.
    """

    gpu: str | None = None
    gpu_count: int = 0
    instance_type: str | None = None
    vcpus: int = 0
    memory_bytes: int = 0
    spot: bool = False
    max_hourly_usd: Decimal | None = None
    region: str | None = None

    def takes(self, offer: Offer) -> bool:
        """Whether an offer is what is needed, whatever is free: every filter, for a provider's `offers`."""
        gpus = max(1, self.gpu_count) if self.gpu else 0
        if self.gpu and (offer.gpu or "").lower() != self.gpu.lower():
            return False
        if self.instance_type not in (None, offer.name) or self.region not in (None, offer.region):
            return False
        if self.max_hourly_usd is not None and not (
            offer.price.hourly_usd is not None and offer.price.hourly_usd <= self.max_hourly_usd
        ):
            return False
        return (
            offer.spot == self.spot
            and offer.gpu_count >= gpus
            and offer.vcpus >= self.vcpus
            and offer.memory_bytes >= self.memory_bytes
        )


@frozen
class Offer:
    """Something that a provider would make for us now.

    Attributes:
        provider: The provider's name.
        name: The instance type or slot: what `--instance-type` takes.
        price: What an hour of it costs.
        gpu: The GPU's normalised name, or None.
        gpu_count: How many GPUs.
        gpu_memory_bytes: Memory of one GPU; 0 when unknown.
        vcpus: Virtual processors; 0 when unknown.
        memory_bytes: Main memory; 0 when unknown.
        region: Where; empty when the provider has one place only.
        zone: Where inside the region; empty when it does not matter.
        spot: Whether it may be taken away.
        available: Whether it is free now; None when the provider does not say.
        note: Anything that a user should know, in a few words.
    """

    provider: str = field(validator=instance_of(str))
    name: str = field(validator=instance_of(str))
    price: Price = field(validator=instance_of(Price))
    gpu: str | None = None
    gpu_count: int = field(default=0, validator=instance_of(int))
    gpu_memory_bytes: int = 0
    vcpus: int = 0
    memory_bytes: int = field(default=0, validator=instance_of(int))
    region: str = ""
    zone: str = ""
    spot: bool = False
    available: bool | None = None
    note: str = ""


@frozen
class LaunchSpec:
    """What `create_resource` is asked to make.

    Attributes:
        token: Unique for the attempt. The same token must never make a second resource.
        name: A readable name for the resource.
        offer: What was chosen from `offers`.
        tags: To be set in the call that creates; `runctl:run`, `runctl:token` and so on.
        deadline: The moment at which the resource should end itself; None for no end.
        image: A machine image or container image, when the user chose one.
    """

    token: str
    name: str
    offer: Offer
    tags: Mapping[str, str] = field(converter=_frozen_map)
    deadline: datetime | None = None
    image: str | None = None


@frozen
class Resource:
    """Something that exists at a provider: a machine, a slot, a job.

    Attributes:
        id: The provider's own id. Unique inside the provider.
        provider: The provider's name.
        name: A readable name; may equal the id.
        state: One of `ResourceState`.
        kind: `machine`, `job`, `volume`, `snapshot`, or `process` for one found running here.
        managed: Whether runctl made it (its tags say so).
        tags: The provider's tags or labels.
        price: What an hour of it costs in its present state.
        created_at: When it was made, when the provider tells.
        instance_type: The provider's name of its type.
        gpu: The GPU's normalised name, or None.
        gpu_count: How many GPUs.
        region: Where.
        zone: Where inside the region.
        spot: Whether it may be taken away.
        note: Anything that a user should know: a command line, an address, a reason.
        vcpus: Virtual processors; 0 when unknown, or when it has none.
        memory_bytes: Main memory; 0 likewise.
        size_bytes: The size of a volume or a snapshot; 0 likewise.
        attached_to: The id of the machine that a volume is attached to, or that a snapshot is of.
    """

    id: str
    provider: str
    name: str
    state: ResourceState
    kind: str = "machine"
    managed: bool = False
    tags: Mapping[str, str] = field(factory=dict, converter=_frozen_map)
    price: Price = UNKNOWN_PRICE
    created_at: datetime | None = None
    instance_type: str = ""
    gpu: str | None = None
    gpu_count: int = 0
    region: str = ""
    zone: str = ""
    spot: bool = False
    note: str = ""
    vcpus: int = 0
    memory_bytes: int = 0
    size_bytes: int = 0
    attached_to: str | None = None

    @property
    def token(self) -> str | None:
        """The token of the intent that made it."""
        return self.tags.get(TAG_TOKEN)

    @property
    def run_id(self) -> str | None:
        """The run that it was made for."""
        return self.tags.get(TAG_RUN)

    @property
    def owner(self) -> str | None:
        """Who made it."""
        return self.tags.get(TAG_OWNER)

    @property
    def project(self) -> str | None:
        """The project that it was made for."""
        return self.tags.get(TAG_PROJECT)

    @property
    def expires_at(self) -> datetime | None:
        """When it should have ended itself, from its tags; None for no end, or one that is no time."""
        try:
            moment = datetime.fromisoformat(self.tags[TAG_EXPIRES])
        except (KeyError, ValueError):
            return None
        return moment if moment.tzinfo and 1970 <= moment.year < 9999 else None

    @property
    def protected(self) -> bool:
        """Whether its tags forbid deleting it."""
        return self.tags.get(TAG_PROTECTED, "").lower() in {"true", "yes", "1"}
