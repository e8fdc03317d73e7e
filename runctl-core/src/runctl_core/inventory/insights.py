"""What costs money and need not: pure rules over an inventory and a few facts.

Each finding says what the resource costs in a month and the command that mends it. What the user
ignores has no findings, what is protected none whose mending would delete it, and what is free none
but those about what its run uses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from shlex import quote

from attrs import field, frozen

from runctl_core.inventory.items import Inventory, Item
from runctl_core.models.jobs import Usage
from runctl_core.models.marks import Mark
from runctl_core.models.resources import ResourceState
from runctl_core.models.warnings import UsageWarning, WarningKind
from runctl_core.words import duration, hourly, size

OLD = timedelta(days=7)
IDLE_FOR = timedelta(minutes=10)
IDLE_PERCENT = 5.0
SMALL_PART = 0.25
"""A machine of which a run never uses more than this part is larger than it needs."""


class Finding(StrEnum):
    """What may be wrong with a resource."""

    EXPIRED = "expired"
    IDLE = "idle"
    STOPPED = "stopped"
    UNATTACHED = "unattached"
    OLD = "old"
    OVERSIZED = "oversized"
    SPOT = "spot"
    UNTAGGED = "untagged"
    USAGE = "usage"


@frozen
class Facts:
    """What the rules look at besides the inventory.

    Attributes:
        owner: The user.
        usage: An item's key to the samples of its live run, oldest first; what is missing is not known.
        warnings: An item's key to what is wrong with what its live run uses.
        spot: Provider and instance type to the price of the cheapest spot offer of it.
    """

    owner: str = ""
    usage: Mapping[str, Sequence[Usage]] = field(factory=dict)
    warnings: Mapping[str, Sequence[UsageWarning]] = field(factory=dict)
    spot: Mapping[tuple[str, str], Decimal] = field(factory=dict)


@frozen
class Insight:
    """One finding.

    Attributes:
        finding: Which.
        item: Of what.
        detail: The evidence, in a few words.
        fix: The command that mends it, or shows what would.
    """

    finding: Finding
    item: Item
    detail: str
    fix: str

    @property
    def monthly_usd(self) -> Decimal | None:
        """What the resource costs in a month of 730 hours as it is now; None when nobody knows."""
        return self.item.monthly_usd


def insights(inventory: Inventory, facts: Facts, now: datetime) -> list[Insight]:
    """Everything that costs money and need not, by money: unknown prices first, then the dearest."""
    watched = [item for item in inventory.items if Mark.IGNORED not in item.marks]
    by_money = sorted(watched, key=lambda item: item.by_price)
    return [insight for item in by_money for insight in _of(item, facts, now)]


def _of(item: Item, facts: Facts, now: datetime) -> list[Insight]:
    found = [
        Insight(finding, item, detail, fix)
        for finding, (rule, mend) in _RULES.items()
        if item.bills and (detail := rule(item, facts, now)) and (fix := mend(item, facts))
    ]
    told = {insight.finding for insight in found}
    for warning in facts.warnings.get(item.key, ()):
        finding = Finding.IDLE if warning.kind is WarningKind.GPU_IDLE else Finding.USAGE
        if finding not in told:
            found.append(Insight(finding, item, warning.message, warning.fix))
    return found


def _expired(item: Item, _: Facts, now: datetime) -> str:
    expires = item.resource.expires_at
    return f"its end was {duration((now - expires).total_seconds())} ago" if expires and expires < now else ""


def _idle(item: Item, facts: Facts, _: datetime) -> str:
    if item.resource.kind != "machine" or item.resource.state is not ResourceState.RUNNING:
        return ""
    if item.ours and (item.run is None or item.run.state.over):
        return "no run is on it" if item.run is None else f"{item.run.id} is over"
    samples = facts.usage.get(item.key, ())
    if not _spans(samples, IDLE_FOR):
        return ""
    busiest = max(max(sample.cpu_percent, sample.gpu_percent or 0.0) for sample in samples)
    span = duration((samples[-1].at - samples[0].at).total_seconds())
    return f"at most {busiest:.0f} % of a processor or GPU in {span}" if busiest < IDLE_PERCENT else ""


def _stopped(item: Item, _: Facts, __: datetime) -> str:
    return "it is stopped, and bills" if item.resource.state is ResourceState.STOPPED else ""


def _unattached(item: Item, _: Facts, __: datetime) -> str:
    return "no machine has it" if item.resource.kind == "volume" and not item.resource.attached_to else ""


def _old(item: Item, _: Facts, now: datetime) -> str:
    age = now - item.created_at if item.created_at else timedelta(0)
    return f"it is {age.days} days old" if age >= OLD else ""


def _oversized(item: Item, facts: Facts, _: datetime) -> str:
    resource, samples = item.resource, facts.usage.get(item.key, ())
    if resource.gpu or not _spans(samples, IDLE_FOR):
        return ""
    vcpus = resource.vcpus or samples[-1].cpus or 0
    total = resource.memory_bytes or samples[-1].memory_total_bytes or 0
    processors = max(sample.cpu_percent for sample in samples) / 100
    memory = max(sample.memory_bytes for sample in samples)
    if processors >= SMALL_PART * vcpus or memory >= SMALL_PART * total:
        return ""
    return f"its run uses {processors:.1f} of {vcpus} processors and {size(memory)} of {size(total)}"


def _spot(item: Item, facts: Facts, _: datetime) -> str:
    resource, usd = item.resource, item.hourly_usd
    spot = facts.spot.get((resource.provider, resource.instance_type))
    running = resource.state is ResourceState.RUNNING and resource.kind == "machine"
    if resource.spot or not running or spot is None or usd is None or spot >= usd:
        return ""
    return f"{hourly(spot)} as spot, not {hourly(usd)}"


def _untagged(item: Item, _: Facts, __: datetime) -> str:
    missing = [name for name in ("owner", "project") if not getattr(item.resource, name)]
    if not missing or Mark.ADOPTED in item.marks:
        return ""
    return f"it carries no {' and no '.join(missing)}"


def _spans(samples: Sequence[Usage], least: timedelta) -> bool:
    return len(samples) > 1 and samples[-1].at - samples[0].at >= least


def ending(item: Item, owner: str) -> str:
    """The command that ends a resource; nothing for what is protected.

    What is not the user's own, or was made for a run that these books do not have, is adopted first:
    no cleanup would end it before.
    """
    if item.protected:
        return ""
    if item.run is not None and not item.run.state.over:
        return f"runctl stop {item.run.id}"
    known = item.run is not None or item.resource.run_id is None
    own = item.belongs_to(owner) and (known or Mark.ADOPTED in item.marks)
    return f"runctl resources cleanup {item.word}" if own else _adopt(item)


def _adopt(item: Item, _: Facts | None = None) -> str:
    return f"runctl adopt {item.word}"


def _end(item: Item, facts: Facts) -> str:
    return ending(item, facts.owner)


def _cheaper(item: Item, _: Facts) -> str:
    return f"runctl offers --provider {item.resource.provider} --max-price {item.hourly_usd:f}"


def _as_spot(item: Item, _: Facts) -> str:
    resource = item.resource
    return (
        f"runctl offers --provider {resource.provider} --instance-type {quote(resource.instance_type)} --spot"
    )


_Rule = Callable[[Item, Facts, datetime], str]
_RULES: dict[Finding, tuple[_Rule, Callable[[Item, Facts], str]]] = {
    Finding.EXPIRED: (_expired, _end),
    Finding.IDLE: (_idle, _end),
    Finding.STOPPED: (_stopped, _end),
    Finding.UNATTACHED: (_unattached, _end),
    Finding.OLD: (_old, _end),
    Finding.OVERSIZED: (_oversized, _cheaper),
    Finding.SPOT: (_spot, _as_spot),
    Finding.UNTAGGED: (_untagged, _adopt),
}
"""Each finding: the rule that tells the evidence, or nothing, and what mends it."""


def worth(found: Collection[Insight]) -> tuple[Decimal, int]:
    """What the resources of all findings cost a month, each counted once, and how many are unknown."""
    by_key = {insight.item.key: insight.monthly_usd for insight in found}
    known = [usd for usd in by_key.values() if usd is not None]
    return sum(known, Decimal(0)), len(by_key) - len(known)
