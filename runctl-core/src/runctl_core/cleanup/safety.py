"""`CleanupSafety`: from an inventory to a plan. Nothing is deleted outside of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from attrs import field, frozen

from runctl_core.cleanup.rules import Policy, Reason, lifted, reasons
from runctl_core.clock import Clock, now
from runctl_core.models.money import Total

if TYPE_CHECKING:
    from runctl_core.cleanup.facts import Lookout
    from runctl_core.cleanup.rules import Facts
    from runctl_core.errors import RunctlError
    from runctl_core.inventory import Item

HOURS_A_MONTH = Decimal(730)


@frozen
class Deletion:
    """A resource that may go.

    Attributes:
        item: The resource.
        why: Why it may go, a fact each, for the user and the audit log.
    """

    item: Item
    why: tuple[str, ...]


@frozen
class Skipped:
    """A resource that stays, and every reason that holds."""

    item: Item
    reasons: tuple[Reason, ...]


@frozen
class Plan:
    """What is deleted, what stays and why, and whom nobody could ask.

    Attributes:
        deletions: What may go.
        skipped: What stays.
        problems: Each provider that did not answer, with its error. Nothing of theirs is in the plan.
        force: Whether age and ownership were no reasons.
    """

    deletions: tuple[Deletion, ...]
    skipped: tuple[Skipped, ...]
    problems: Mapping[str, RunctlError] = field(factory=dict)
    force: bool = False

    @property
    def saved_hourly(self) -> Total:
        """What an hour of everything that goes costs."""
        return hourly(deletion.item for deletion in self.deletions)


def hourly(items: Iterable[Item]) -> Total:
    """What an hour of some resources costs, and how many of unknown price that leaves out."""
    prices = [item.resource.price.hourly_usd for item in items]
    return Total(sum((usd for usd in prices if usd is not None), Decimal(0)), prices.count(None))


class CleanupSafety:
    """Judges resources: the same rules for a plan, for the last look before a deletion, and for `panic`.

    Args:
        policy: Whose resources may go, and what that user protects.
        lookout: Finds the facts.
        clock: The time.
    """

    def __init__(self, policy: Policy, lookout: Lookout, *, clock: Clock = now) -> None:
        self._policy = policy
        self._lookout = lookout
        self._clock = clock

    def plan(
        self, items: Iterable[Item], problems: Mapping[str, RunctlError] | None = None, *, force: bool = False
    ) -> Plan:
        """What of `items` may be deleted.

        Args:
            items: The resources that are meant; those that are gone are left out.
            problems: Providers that did not answer, with their errors.
            force: Whether age and ownership are no reasons.
        """
        silent = problems or {}
        meant = [i for i in items if i.resource.provider not in silent and not i.resource.state.gone]
        judged = [self.judge(facts, force=force) for facts in self._lookout.facts_of(meant)]
        return Plan(
            tuple(verdict for verdict in judged if isinstance(verdict, Deletion)),
            tuple(verdict for verdict in judged if isinstance(verdict, Skipped)),
            silent,
            force,
        )

    def judge(self, facts: Facts, *, force: bool) -> Deletion | Skipped:
        """Whether one resource may go."""
        found = reasons(facts, self._policy, self._clock())
        if stays := lifted(found, force=force):
            return Skipped(facts.item, stays)
        overruled = [f"--force: {reason.detail}" for reason in found]
        return Deletion(facts.item, (*_grounds(facts), *overruled))


def _grounds(facts: Facts) -> tuple[str, ...]:
    """What speaks for a deletion, once nothing speaks against it."""
    run = facts.item.run
    if run is None:
        return ("no run needs it",)
    return (f"{run.id} is over: {run.state}", "nothing of its results is there alone")
