"""Carries a plan out. Right before each step the facts are looked at again: a plan may go stale.

Whoever lets go of what a run made holds that run's lock, so that nobody resumes the run meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import frozen

from runctl_core.calls import AGREE_TIMEOUT_S
from runctl_core.cleanup.lanes import in_lanes
from runctl_core.cleanup.release import release, stop_resource
from runctl_core.cleanup.rules import Mode, Reason, Rule
from runctl_core.cleanup.safety import Skipped, Step
from runctl_core.errors import ProviderUnavailable, ResourceNotFound, RunctlError, StateError
from runctl_core.loading import in_words
from runctl_core.tracking.audit import Act
from runctl_core.tracking.driver import Driver

if TYPE_CHECKING:
    from runctl_core.cleanup.facts import Lookout
    from runctl_core.cleanup.safety import CleanupSafety, Plan
    from runctl_core.inventory import Item
    from runctl_core.provider import TrainingProvider
    from runctl_core.tracking import ResourceTracker


@frozen
class Failure:
    """A resource that could not be deleted or stopped, or is not yet, and why."""

    item: Item
    why: str


@frozen
class Cleaned:
    """What became of a plan.

    Attributes:
        done: What is gone or stopped, as its provider agrees.
        skipped: What stays, the plan's own and what the last look found.
        failed: What should be and is not.
    """

    done: tuple[Step, ...]
    skipped: tuple[Skipped, ...]
    failed: tuple[Failure, ...]


class Cleanup:
    """Carries plans out.

    Args:
        tracker: The books, and the audit log.
        open_provider: Makes a provider by its name.
        safety: Judges each resource once more.
        lookout: Finds the facts once more.
        patience_s: Seconds that a provider has to let go of what it accepted to end.
        told: Called after each resource, from any thread, once at a time.
    """

    def __init__(
        self,
        tracker: ResourceTracker,
        open_provider: Callable[[str], TrainingProvider],
        safety: CleanupSafety,
        lookout: Lookout,
        *,
        patience_s: float = AGREE_TIMEOUT_S,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._tracker = tracker
        self._open = open_provider
        self._safety = safety
        self._lookout = lookout
        self._patience_s = patience_s
        self._told = told
        self._telling = threading.Lock()
        self._silent: dict[str, str] = {}

    def carry_out(self, plan: Plan) -> Cleaned:
        """Do what the plan says, on all providers at once."""
        outcomes: list[Step | Skipped | Failure] = []

        def act(group: list[Step]) -> None:
            outcomes.extend(self._run_of(group, plan.mode))

        in_lanes(_lanes(plan), act)
        skipped = [outcome for outcome in outcomes if isinstance(outcome, Skipped)]
        return Cleaned(
            tuple(outcome for outcome in outcomes if isinstance(outcome, Step)),
            (*plan.skipped, *skipped),
            tuple(outcome for outcome in outcomes if isinstance(outcome, Failure)),
        )

    def _run_of(self, group: list[Step], mode: Mode) -> list[Step | Skipped | Failure]:
        """Deal with what one run made, under its lock."""
        run = group[0].item.run
        if run is None:
            return [self._one(step, mode) for step in group]
        try:
            with Driver(run.id) as driver:
                if driver.held:
                    return [self._one(step, mode) for step in group]
        except StateError as error:
            return [Failure(step.item, error.summary) for step in group]
        busy = Reason(Rule.LIVE_RUN, f"another runctl command works on {run.id} right now")
        return [Skipped(step.item, (busy,)) for step in group]

    def _one(self, step: Step, mode: Mode) -> Step | Skipped | Failure:
        resource = step.item.resource
        try:
            return self._carry_out(step, mode)
        except BaseException as error:  # whatever a plugin raises: it ends this step, and no other
            why = error.summary if isinstance(error, RunctlError) else in_words(error)
            with suppress(StateError):
                self._tracker.flag_resource(resource.provider, resource.id, why)
            return Failure(step.item, why)
        finally:
            with self._telling:
                self._told()

    def _carry_out(self, step: Step, mode: Mode) -> Step | Skipped | Failure:
        resource = step.item.resource
        name = resource.provider
        if name in self._silent:
            return Failure(step.item, self._silent[name])
        try:
            now = self._lookout.again(step.item)
        except ResourceNotFound:
            self._tracker.mark_gone(name, resource.id)
            return step
        except ProviderUnavailable as error:
            self._silent[name] = error.summary
            raise
        holding = now.run is not None and step.item.run is not None and now.run.id == step.item.run.id
        (facts,) = self._lookout.facts_of([now], holding=holding)
        verdict = self._safety.judge(facts, mode)
        if isinstance(verdict, Skipped):
            return verdict
        end = release if verdict.act is Act.TERMINATE else stop_resource
        problem = end(
            self._tracker, self._open(name), name, resource.id, why=verdict.why, patience_s=self._patience_s
        )
        return Failure(now, problem) if problem else verdict


def _lanes(plan: Plan) -> dict[str, list[list[Step]]]:
    """The work of each provider: what one run made goes together, since its lock is held once."""
    groups: dict[tuple[str, str], list[Step]] = {}
    for step in plan.steps:
        resource = step.item.resource
        groups.setdefault((resource.provider, resource.run_id or f"/{resource.id}"), []).append(step)
    lanes: dict[str, list[list[Step]]] = {}
    for (provider, _), group in groups.items():
        lanes.setdefault(provider, []).append(group)
    return lanes
