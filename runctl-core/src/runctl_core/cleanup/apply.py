"""Carries a plan out. Right before each deletion the facts are looked at again: a plan may go stale.

Whoever deletes what a run made holds that run's lock, so that nobody resumes the run meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from attrs import frozen

from runctl_core.calls import AGREE_TIMEOUT_S
from runctl_core.cleanup.lanes import in_lanes
from runctl_core.cleanup.release import release
from runctl_core.cleanup.rules import Reason, Rule
from runctl_core.cleanup.safety import Deletion, Skipped
from runctl_core.errors import ProviderUnavailable, RateLimited, ResourceNotFound, RunctlError
from runctl_core.loading import in_words
from runctl_core.tracking.driver import Driver

if TYPE_CHECKING:
    from runctl_core.cleanup.facts import Lookout
    from runctl_core.cleanup.safety import CleanupSafety, Plan
    from runctl_core.inventory import Item
    from runctl_core.provider import TrainingProvider
    from runctl_core.tracking import ResourceTracker


@frozen
class Failure:
    """A resource that could not be deleted, or is not gone yet, and why."""

    item: Item
    why: str


@frozen
class Cleaned:
    """What became of a plan.

    Attributes:
        deleted: What is gone, as its provider agrees.
        skipped: What stays, the plan's own and what the last look found.
        failed: What should be gone and is not.
    """

    deleted: tuple[Deletion, ...]
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
        told: Called after each resource, from any thread.
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
        self._silent: dict[str, str] = {}
        self._lock = threading.Lock()

    def carry_out(self, plan: Plan) -> Cleaned:
        """Delete what the plan says, on all providers at once."""
        outcomes: list[Deletion | Skipped | Failure] = []

        def act(group: list[Deletion]) -> None:
            outcomes.extend(self._run_of(group, plan.force))

        in_lanes(_lanes(plan), act)
        skipped = [outcome for outcome in outcomes if isinstance(outcome, Skipped)]
        return Cleaned(
            tuple(outcome for outcome in outcomes if isinstance(outcome, Deletion)),
            (*plan.skipped, *skipped),
            tuple(outcome for outcome in outcomes if isinstance(outcome, Failure)),
        )

    def _run_of(self, group: list[Deletion], force: bool) -> list[Deletion | Skipped | Failure]:
        """Delete what one run made, under its lock."""
        run = group[0].item.run
        with ExitStack() as stack:
            if run is not None and not _held(stack, run.id):
                busy = Reason(Rule.LIVE_RUN, f"another runctl command works on {run.id} right now")
                return [Skipped(deletion.item, (busy,)) for deletion in group]
            return [self._one(deletion, force) for deletion in group]

    def _one(self, deletion: Deletion, force: bool) -> Deletion | Skipped | Failure:
        try:
            return self._delete(deletion, force)
        except RunctlError as error:
            return Failure(deletion.item, f"{error.message}{f': {error.why}' if error.why else ''}")
        except BaseException as error:  # of a plugin: it ends this deletion, and no other
            return Failure(deletion.item, in_words(error))
        finally:
            self._told()

    def _delete(self, deletion: Deletion, force: bool) -> Deletion | Skipped | Failure:
        resource = deletion.item.resource
        name = resource.provider
        if name in self._silent:
            return Failure(deletion.item, self._silent[name])
        try:
            now = self._lookout.again(deletion.item)
        except ResourceNotFound:
            self._tracker.mark_gone(name, resource.id)
            return deletion
        except RateLimited:
            raise
        except ProviderUnavailable as error:
            self._silent[name] = error.message
            raise
        (facts,) = self._lookout.facts_of([now], holding=True)
        verdict = self._safety.judge(facts, force=force)
        if isinstance(verdict, Skipped):
            return verdict
        problem = release(
            self._tracker, self._open(name), name, resource.id, why=verdict.why, patience_s=self._patience_s
        )
        return Failure(now, problem) if problem else verdict


def _held(stack: ExitStack, run_id: str) -> bool:
    return stack.enter_context(Driver(run_id)).held


def _lanes(plan: Plan) -> dict[str, list[list[Deletion]]]:
    """The work of each provider: what one run made goes together, since its lock is held once."""
    groups: dict[tuple[str, str], list[Deletion]] = {}
    for deletion in plan.deletions:
        resource = deletion.item.resource
        groups.setdefault((resource.provider, resource.run_id or f"/{resource.id}"), []).append(deletion)
    lanes: dict[str, list[list[Deletion]]] = {}
    for (provider, _), group in groups.items():
        lanes.setdefault(provider, []).append(group)
    return lanes
