"""The road of one attempt: provision, start, watch, collect, release.

Every change of state is written before the act that it announces, so that whoever comes after a
crash knows what may have happened. `settle.py` is that somebody; it uses the same steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import evolve

from runctl_core.calls import call
from runctl_core.clock import Clock, now
from runctl_core.errors import Refused, RunctlError, StateError
from runctl_core.executor import JobExecutor
from runctl_core.models.jobs import JobStatus
from runctl_core.models.resources import Offer, Resource
from runctl_core.models.runs import Run, RunState, handle_of
from runctl_core.provider import TrainingProvider
from runctl_core.tracking import ResourceTracker
from runctl_core.training import limits
from runctl_core.training.begin import begin
from runctl_core.training.choose import nothing_fits, rank, within
from runctl_core.training.collect import collect, measured
from runctl_core.training.intents import give_back, settle_intents
from runctl_core.training.outcome import judge
from runctl_core.training.plan import Plan
from runctl_core.training.provision import provision
from runctl_core.training.receipt import write_receipt
from runctl_core.training.reporter import Reporter
from runctl_core.training.signals import launch_signals

if TYPE_CHECKING:
    from runctl_core.training.budgets import BudgetCheck
    from runctl_core.training.spending import Budgets

PLANNED_LIVE = (RunState.PLANNED, RunState.PROVISIONING, RunState.SYNCING, RunState.RECOVERING)
"""Live states in which no job of the attempt was started yet."""

STARTED_LIVE = (RunState.SETTING_UP, RunState.RUNNING, RunState.COLLECTING)
"""Live states in which a job may have been started."""

LIVE = (*PLANNED_LIVE, *STARTED_LIVE, RunState.PREEMPTED)
"""Every state in which a run is not over."""


class Cancelled(Refused):
    """Another command changed the run first: it was stopped while it was being launched."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"{run_id} was stopped by another command",
            why="it had not started yet",
            fix=f"runctl resume {run_id}",
        )


class Engine:
    """Drives runs. The caller holds the run's `Driver`.

    Args:
        tracker: The books.
        open_provider: Makes the provider of a plan; called when one is needed.
        reporter: Told of everything as it happens.
        clock: The time.
        allowed: What a day and a month may cost, when that is limited; asked for when it is needed.
        protections: Says who protects a resource, which then outlives its run.
    """

    def __init__(
        self,
        tracker: ResourceTracker,
        open_provider: Callable[[Plan], TrainingProvider],
        *,
        reporter: Reporter | None = None,
        clock: Clock = now,
        allowed: Callable[[], Budgets] | None = None,
        protections: Callable[[Resource], Sequence[str]] = lambda _: (),
    ) -> None:
        self.tracker = tracker
        self.open_provider = open_provider
        self.reporter = reporter or Reporter()
        self.clock = clock
        self.protections = protections
        self._allowed = allowed

    @cached_property
    def budgets(self) -> BudgetCheck:
        """Holds launches against the budgets of the day and the month."""
        from runctl_core.training.budgets import BudgetCheck
        from runctl_core.training.spending import Budgets

        return BudgetCheck(self.tracker, self._allowed or Budgets, self.clock)

    # the way up

    def offers(self, plan: Plan, run: Run | None = None) -> list[Offer]:
        """What the provider has for `plan` within its price limit and every budget, cheapest first.

        Args:
            plan: What is asked for.
            run: The run that goes on, when it is no new one.

        Raises:
            CapacityError: Nothing free fits.
            PriceLimitError, Refused: What fits costs too much, or has no price for the budget.
        """
        provider, request = self.open_provider(plan), plan.resource_request()
        # At any price: an error says what the cheapest costs.
        wanted = evolve(request, max_hourly_usd=None)
        found = call(f"{plan.provider}: offers", lambda: list(provider.offers(wanted)), gives=Offer)
        candidates = within(rank(found), request.max_hourly_usd)
        if not candidates:
            raise nothing_fits(request, found, [])
        priced = limits.affordable(candidates, plan)
        return self.budgets.affordable(priced, lambda offer: self._most_hours(offer, plan, run))

    def _most_hours(self, offer: Offer, plan: Plan, run: Run | None) -> Decimal | None:
        price = offer.price.hourly_usd
        if run is None:
            return limits.ceiling(plan, price)[0]
        return limits.hours_until(self.deadline(run, plan, price)[0], self.clock())

    def launch(self, run: Run, plan: Plan, secrets: Mapping[str, str], offers: list[Offer]) -> Run:
        """Take a planned or recovering run to a started job, or to nothing at all.

        Raises:
            RunctlError: The run is `failed`, and what had been made for it is released.
        """
        provider: TrainingProvider | None = None
        with launch_signals():
            try:
                provider = self.open_provider(plan)
                run = self.change(run, RunState.PROVISIONING, provider=plan.provider)
                resource = provision(self, run, plan, provider, offers)
                return self._start(run, plan, provider, resource, secrets)
            except BaseException as error:
                self._abandon(run, provider, error)
                raise

    def _start(
        self,
        run: Run,
        plan: Plan,
        provider: TrainingProvider,
        resource: Resource,
        secrets: Mapping[str, str],
    ) -> Run:
        run = self.change(
            run,
            RunState.SYNCING,
            f"on {resource.name}",
            resource_id=resource.id,
            hourly_usd=resource.price.hourly_usd,
        )
        limits.require_price(resource, plan)
        return begin(self, run, plan, provider, resource, secrets)

    def deadline(self, run: Run, plan: Plan, hourly_usd: Decimal | None) -> tuple[datetime | None, bool]:
        """See `limits.deadline`; spent is what the books say now."""
        return limits.deadline(run, plan, hourly_usd, self.tracker.cost_of_run(run.id).usd, self.clock())

    def require_wanted(self, run: Run, plan: Plan, hourly_usd: Decimal | None) -> None:
        """Hold a launch against its limits, and against other commands, while it waits: its machine costs.

        Raises:
            Cancelled: Another command ended the run.
            Refused: Its deadline or its budget is used up.
        """
        if self.tracker.run(run.id).state is not run.state:
            raise Cancelled(run.id)
        self.deadline(run, plan, hourly_usd)

    # the way down

    def note_start(self, run: Run, status: JobStatus) -> Run:
        """Write that the script itself began, once the runner says so."""
        if status.running_at is None or run.state is not RunState.SETTING_UP:
            return run
        return self.change(run, RunState.RUNNING, started_at=status.running_at)

    def finish(
        self,
        run: Run,
        plan: Plan,
        provider: TrainingProvider,
        executor: JobExecutor,
        status: JobStatus,
    ) -> Run:
        """Bring the results home, close the run, and let go of the resource.

        In this order: a command that is killed in between leaves a resource that the next one
        releases, and never a run whose end nobody knows.
        """
        run = self.note_start(run, status)
        if run.state is not RunState.COLLECTING:
            run = self.change(run, RunState.COLLECTING)
        collected = collect(run, plan, executor, handle_of(run))
        samples = measured(executor, handle_of(run))
        state, reason = judge(status)
        end: dict[str, Any] = {
            "reason": reason,
            "exit_code": status.exit_code,
            "signal": status.signal,
            "ended_by": status.ended_by and str(status.ended_by),
            "ended_at": status.ended_at or self.clock(),
        }
        write_receipt(self.tracker, evolve(run, state=state, **end), plan, status, collected, samples)
        run = self.change(run, state, reason, **end)
        self._let_go(run, plan, provider)
        try:
            write_receipt(self.tracker, run, plan, status, collected, samples)
        except StateError as problem:
            self.tell(self.reporter.note, f"the receipt lacks the last step and its cost: {problem}")
        return run

    def _let_go(self, run: Run, plan: Plan, provider: TrainingProvider) -> None:
        if run.resource_id is None:
            return
        if plan.on_finish == "keep":
            self.tell(self.reporter.note, f"{run.resource_id} is kept, as asked; its price goes on")
            return
        tracked = self.tracker.resource(plan.provider, run.resource_id)
        if tracked is not None and (protected := self.protections(tracked.resource)):
            said = "; ".join(protected)
            self.tell(self.reporter.note, f"{run.resource_id} is kept, and its price goes on: {said}")
            return
        from runctl_core.cleanup.release import release

        why = [f"{run.id} is over: {run.state}", "its results are home"]
        if problem := release(self.tracker, provider, plan.provider, run.resource_id, why=why):
            self.tell(self.reporter.note, f"{run.resource_id} could not be released yet: {problem}")

    def _abandon(self, run: Run, provider: TrainingProvider | None, error: BaseException) -> None:
        """Leave nothing of a launch that failed; what cannot be done now, the next command does."""
        try:
            if provider is not None:
                self._give_back(run, provider)
            run = self.tracker.run(run.id)
            if not run.state.over:
                by_hand = isinstance(error, KeyboardInterrupt)
                state = RunState.CANCELLED if by_hand else RunState.FAILED
                reason = "stopped before it started" if by_hand else getattr(error, "message", str(error))
                self.change(run, state, reason, reason=reason, ended_at=self.clock(), ended_by="launch")
        except RunctlError as problem:
            self.tell(self.reporter.note, f"{run.id} is settled by the next command: {problem}")

    def _give_back(self, run: Run, provider: TrainingProvider) -> None:
        try:
            settle_intents(self.tracker, provider, run, at=self.clock(), in_flight=True)
        except RunctlError as problem:
            self.tell(self.reporter.note, f"{run.provider}: what it made is not known yet: {problem}")
        if problems := give_back(self.tracker, provider, run):
            self.tell(self.reporter.note, f"not released yet: {problems}")

    def tell(self, method: Callable[..., None], *what: Any) -> None:
        """Tell the reporter. A terminal that is gone ends the telling, never what is being done."""
        try:
            method(*what)
        except OSError:
            self.reporter = Reporter()

    def change(self, run: Run, to: RunState, detail: str = "", **columns: Any) -> Run:
        """Write that `run` enters `to`. Raises Cancelled when another command ended it meanwhile."""
        changed = self.tracker.change_run(run.id, to, expect=(run.state,), detail=detail, **columns)
        if changed is None:
            raise Cancelled(run.id)
        self.tell(self.reporter.state, changed, detail)
        return changed
