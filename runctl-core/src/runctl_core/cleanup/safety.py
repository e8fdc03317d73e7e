"""`CleanupSafety`: from an inventory to a plan. Nothing is deleted outside of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from runctl_core.cleanup.rules import STOP_ENOUGH, Mode, Policy, Reason, protections, reasons, standing
from runctl_core.clock import Clock, now
from runctl_core.models.resources import ResourceState
from runctl_core.tracking.audit import Act

if TYPE_CHECKING:
    from runctl_core.cleanup.facts import Lookout
    from runctl_core.cleanup.rules import Facts
    from runctl_core.errors import RunctlError
    from runctl_core.inventory import Item
    from runctl_core.models.burn import Burn
    from runctl_core.models.resources import Resource

_STOPPABLE = (ResourceState.STARTING, ResourceState.RUNNING, ResourceState.ERROR)


@frozen
class Step:
    """What may be done to a resource.

    Attributes:
        item: The resource.
        act: That it is deleted; or stopped, which keeps its disks.
        why: Why it may be, a fact each, for the user and the audit log.
    """

    item: Item
    act: Act
    why: tuple[str, ...]


@frozen
class Skipped:
    """A resource that is left alone, and every reason that holds."""

    item: Item
    reasons: tuple[Reason, ...]

    @property
    def in_words(self) -> str:
        """Every reason, in one line."""
        return "; ".join(reason.detail for reason in self.reasons)


@frozen
class Plan:
    """What is done, what is left alone and why, and whom nobody could ask.

    Attributes:
        steps: What is done.
        skipped: What is left alone.
        problems: Each provider that did not answer, with its error. Nothing of theirs is in the plan.
        mode: How strictly it was judged, and will be again.
    """

    steps: tuple[Step, ...]
    skipped: tuple[Skipped, ...]
    problems: Mapping[str, RunctlError] = field(factory=dict)
    mode: Mode = Mode.CLEANUP

    @property
    def saves(self) -> Burn:
        """What everything that goes costs an hour."""
        from runctl_core.inventory.summary import burn

        return burn(step.item for step in self.steps)


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
        self, items: Iterable[Item], problems: Mapping[str, RunctlError] | None = None, *, mode: Mode
    ) -> Plan:
        """What of `items` may be let go.

        Args:
            items: The resources that are meant; those that are gone are left out.
            problems: Providers that did not answer, with their errors.
            mode: How strictly to judge.
        """
        silent = problems or {}
        meant = [i for i in items if i.resource.provider not in silent and not i.resource.state.gone]
        judged = [self.judge(facts, mode) for facts in self._lookout.facts_of(meant)]
        return Plan(
            tuple(verdict for verdict in judged if isinstance(verdict, Step)),
            tuple(verdict for verdict in judged if isinstance(verdict, Skipped)),
            silent,
            mode,
        )

    def protections(self, resource: Resource) -> list[str]:
        """Who protects a resource, in words; nobody and nothing may end it then."""
        marks, vetoes = self._lookout.marks(resource), self._lookout.vetoes(resource)
        return protections(resource, marks, self._policy, vetoes)

    def judge(self, facts: Facts, mode: Mode) -> Step | Skipped:
        """What may be done to one resource."""
        found = reasons(facts, self._policy, self._clock())
        stands = standing(found, mode)
        if not stands:
            lifted = [f"{mode}: {reason.detail}" for reason in found]
            return Step(facts.item, Act.TERMINATE, (*_grounds(facts), *lifted))
        stopping = mode is Mode.PANIC and facts.can_stop and facts.item.resource.state in _STOPPABLE
        if stopping and STOP_ENOUGH.issuperset(reason.rule for reason in stands):
            return Step(facts.item, Act.STOP, tuple(reason.detail for reason in stands))
        return Skipped(facts.item, stands)


def _grounds(facts: Facts) -> tuple[str, ...]:
    """What speaks for a deletion, once nothing speaks against it."""
    run = facts.item.run
    if run is None:
        return ("no run needs it",)
    return (f"{run.id} is over: {run.state}", "its results are home")
