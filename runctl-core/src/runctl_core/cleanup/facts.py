"""Finds the facts that the rules of safety look at: asks the books, the locks, executors and plugins."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from attrs import evolve

from runctl_core.cleanup.lanes import in_lanes
from runctl_core.cleanup.rules import Facts, JobSeen, attempt_of, is_collected, job_of
from runctl_core.clock import now
from runctl_core.errors import NotFound, ResourceNotFound, UnknownOutcome
from runctl_core.models.marks import Mark, Marked
from runctl_core.provider import Stoppable
from runctl_core.shown import look_at
from runctl_core.timeouts import within
from runctl_core.tracking.driver import Driver

if TYPE_CHECKING:
    from runctl_core.executor import JobExecutor
    from runctl_core.inventory import Item
    from runctl_core.models.resources import Resource
    from runctl_core.models.runs import Run
    from runctl_core.provider import TrainingProvider
    from runctl_core.tracking import ResourceTracker
    from runctl_core.vetoes import Vetoes

LOOK_S = 10.0
"""How long a provider or a machine may take to answer about one resource."""


class Lookout:
    """Finds facts. Every method may be called from any thread, and may raise StateError.

    Args:
        tracker: The books.
        vetoes: Asks the plugins.
        open_provider: Makes a provider by its name.
        owner: The user; nobody else's machines are reached.
        timeout_s: Seconds that a provider or a machine has to answer about one resource.
    """

    def __init__(
        self,
        tracker: ResourceTracker,
        vetoes: Vetoes,
        open_provider: Callable[[str], TrainingProvider],
        *,
        owner: str,
        timeout_s: float = LOOK_S,
    ) -> None:
        self._tracker = tracker
        self._vetoes = vetoes
        self._open = open_provider
        self._owner = owner
        self._timeout_s = timeout_s

    def facts_of(self, items: Iterable[Item], *, holding: bool = False) -> list[Facts]:
        """The facts of each item, in their order.

        Args:
            items: The resources.
            holding: Whether the caller itself holds the locks of their runs.
        """
        found = [self._known(item, holding) for item in items]
        doubtful = [f for f in found if f.item.resource.owner == self._owner and _is_doubtful(f)]
        jobs: dict[str, JobSeen] = {}

        def ask(facts: Facts) -> None:
            resource = facts.item.resource
            jobs[facts.item.key] = job_seen(
                lambda: self._open(resource.provider).executor(resource), resource, timeout_s=self._timeout_s
            )

        lanes: dict[str, list[Facts]] = {}
        for facts in doubtful:
            lanes.setdefault(facts.item.resource.provider, []).append(facts)
        in_lanes(lanes, ask)
        return [evolve(facts, job=jobs.get(facts.item.key, facts.job)) for facts in found]

    def again(self, item: Item) -> Item:
        """The item as its provider and the books show it now.

        Raises:
            ResourceNotFound: The provider does not have it any more.
            ProviderUnavailable: It does not answer, or answers with something else.
            UnknownOutcome: It may not show yet what is so young.
            RunctlError: The provider's.
        """
        old = item.resource
        provider = self._open(old.provider)
        try:
            seen = look_at(provider, old.provider, old.id, timeout_s=self._timeout_s)
        except ResourceNotFound:
            _require_old(item, provider.listing_delay_s, old.provider)
            raise
        if seen.state.gone:
            raise ResourceNotFound(f"{item.key} is gone")
        return evolve(item, resource=seen, marks=self.marks(seen), run=self._run(seen))

    def vetoes(self, resource: Resource) -> tuple[str, ...]:
        """What plugins say against deleting a resource."""
        return self._vetoes.of(resource)

    def marks(self, resource: Resource) -> dict[Mark, Marked]:
        """What the user says of a resource."""
        return self._tracker.marks.of(resource.provider, resource.id)

    def _run(self, resource: Resource) -> Run | None:
        if resource.run_id is None:
            return None
        try:
            run = self._tracker.run(resource.run_id)
        except NotFound:
            return None
        return run if run.owns(resource) else None

    def _known(self, item: Item, holding: bool) -> Facts:
        run = item.run
        over = run is not None and run.state.over
        return Facts(
            item,
            vetoes=self._vetoes.of(item.resource),
            can_stop=isinstance(self._open(item.resource.provider), Stoppable),
            driven=over and not holding and run is not None and _is_driven(run.id),
            history=tuple(self._tracker.changes(run.id)) if run is not None else (),
        )


def job_seen(open_executor: Callable[[], JobExecutor], resource: Resource, *, timeout_s: float) -> JobSeen:
    """What the executor of a resource says of the job that it was made for.

    Asked once: a machine that cannot be reached is nothing that a second look would mend.
    """
    handle = job_of(resource)
    if handle is None:
        return JobSeen.SILENT
    try:
        status = within(timeout_s, lambda: open_executor().status(handle), name=f"{resource.id}: status")
        return JobSeen.OVER if status.phase.over else JobSeen.LIVE
    except KeyboardInterrupt:
        raise
    except ResourceNotFound:
        return JobSeen.SILENT  # it is listed: whoever cannot find it knows nothing of its job
    except NotFound:
        return JobSeen.NONE
    except BaseException:  # whatever a plugin raises, it tells nothing of the job
        return JobSeen.SILENT


def _is_doubtful(facts: Facts) -> bool:
    """Whether the books alone do not tell what became of the job that a resource was made for."""
    resource, run = facts.item.resource, facts.item.run
    if resource.run_id is None:
        return False
    if run is None:
        return True
    return run.state.over and not is_collected(run, facts.history, attempt_of(resource, run))


def _is_driven(run_id: str) -> bool:
    with Driver(run_id) as driver:
        return not driver.held


def _require_old(item: Item, listing_delay_s: float, provider: str) -> None:
    """Raise UnknownOutcome for a resource that its provider may not show yet."""
    since = item.resource.created_at or item.first_seen
    if listing_delay_s and (since is None or (now() - since).total_seconds() < listing_delay_s):
        raise UnknownOutcome(f"{provider} may not show {item.resource.id} yet", fix="try again in a while")
