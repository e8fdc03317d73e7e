"""The road of one attempt: provision, start, watch, collect, release.

Every change of state is written before the act that it announces, so that whoever comes after a
crash knows what may have happened. `settle.py` is that somebody; it uses the same steps.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from runctl_core.clock import Clock, now
from runctl_core.errors import (
    CapacityError,
    InsufficientFunds,
    QuotaError,
    Refused,
    RunctlError,
    Unsupported,
)
from runctl_core.executor import JobExecutor
from runctl_core.models.intents import Intent
from runctl_core.models.jobs import Job, JobStatus
from runctl_core.models.resources import (
    TAG_EXPIRES,
    TAG_OWNER,
    TAG_PROJECT,
    TAG_RUN,
    TAG_TOKEN,
    LaunchSpec,
    Offer,
    Resource,
)
from runctl_core.models.runs import Run, RunState
from runctl_core.provider import TrainingProvider
from runctl_core.tracking import ResourceTracker
from runctl_core.training.calls import CREATE_TIMEOUT_S, call
from runctl_core.training.choose import nothing_fits, rank, reached, within
from runctl_core.training.collect import collect
from runctl_core.training.outcome import judge
from runctl_core.training.plan import Plan
from runctl_core.training.receipt import write_receipt
from runctl_core.training.release import release
from runctl_core.training.reporter import Reporter

PLANNED_LIVE = (RunState.PLANNED, RunState.PROVISIONING, RunState.SYNCING)
"""Live states in which no job was started yet."""

STARTED_LIVE = (RunState.SETTING_UP, RunState.RUNNING, RunState.COLLECTING)
"""Live states in which a job may have been started."""

LIVE = (*PLANNED_LIVE, *STARTED_LIVE, RunState.PREEMPTED, RunState.RECOVERING)
"""Every state in which a run is not over."""


class Cancelled(Exception):
    """Another command stopped the run while it was being launched."""


class Engine:
    """Drives runs. The caller holds the run's `Driver`.

    Args:
        tracker: The books.
        open_provider: Makes the provider of a plan; called when one is needed.
        reporter: Told of everything as it happens.
        clock: The time.
    """

    def __init__(
        self,
        tracker: ResourceTracker,
        open_provider: Callable[[Plan], TrainingProvider],
        *,
        reporter: Reporter | None = None,
        clock: Clock = now,
    ) -> None:
        self.tracker = tracker
        self.open_provider = open_provider
        self.reporter = reporter or Reporter()
        self.clock = clock

    # the way up

    def offers(self, plan: Plan) -> list[Offer]:
        """What the provider has for `plan` within its price limit, cheapest first.

        Raises:
            CapacityError: Nothing free fits.
            PriceLimitError, Refused: What fits costs too much, or has no price for the budget.
        """
        provider, request = self.open_provider(plan), plan.resource_request()
        found = call(f"{plan.provider}: offers", lambda: list(provider.offers(request)), gives=Offer)
        candidates = within(rank(found), request.max_hourly_usd)
        if not candidates:
            raise nothing_fits(request, found, [])
        _require_price_for_budget(candidates[0], plan)
        return candidates

    def launch(self, run: Run, plan: Plan, secrets: Mapping[str, str], offers: list[Offer]) -> Run:
        """Take a planned or recovering run to a started job, or to nothing at all.

        Raises:
            RunctlError: The run is `failed`, and what had been made for it is released.
        """
        resource: Resource | None = None
        provider: TrainingProvider | None = None
        try:
            provider = self.open_provider(plan)
            run = self.change(run, RunState.PROVISIONING, provider=plan.provider)
            resource = self._provision(run, plan, provider, offers)
            run = self.change(
                run,
                RunState.SYNCING,
                f"on {resource.name}",
                resource_id=resource.id,
                hourly_usd=resource.price.hourly_usd,
            )
            executor = provider.executor(resource)
            _require_shared_files(executor, plan)
            job = self._job(run, plan, resource, secrets)
            run = self.change(run, RunState.SETTING_UP, deadline=job.deadline)
            executor.start(job)
        except BaseException as error:
            self._abandon(run, plan, provider, resource, error)
            raise
        return run

    def _provision(self, run: Run, plan: Plan, provider: TrainingProvider, offers: list[Offer]) -> Resource:
        tried: list[tuple[Offer, RunctlError]] = []
        for offer in offers:
            if any(reached(offer, failed, error.scope) for failed, error in tried):
                continue
            _require_price_for_budget(offer, plan)
            self.reporter.chosen(offer)
            try:
                return self._create(run, plan, provider, offer)
            except (QuotaError, InsufficientFunds):
                raise
            except CapacityError as error:
                self.reporter.passed_over(offer, error.message)
                tried.append((offer, error))
        raise nothing_fits(plan.resource_request(), offers, tried)

    def _create(self, run: Run, plan: Plan, provider: TrainingProvider, offer: Offer) -> Resource:
        token = f"{run.id}-{run.attempt}-{uuid.uuid4().hex[:12]}"
        deadline = self.deadline(run, plan, offer.price.hourly_usd)
        spec = LaunchSpec(token, f"{run.id}-{run.attempt}", offer, _tags(run, token, deadline), deadline)
        self.tracker.open_intent(Intent(token, run.id, plan.provider, run.attempt, created_at=self.clock()))
        try:
            resource = call(
                f"{plan.provider}: create",
                lambda: provider.create_resource(spec),
                timeout_s=CREATE_TIMEOUT_S,
                creates=True,
                gives=Resource,
            )
        except CapacityError:
            self.tracker.settle_intent(token, resource_id=None)
            raise
        self.tracker.record_resource(resource)
        self.tracker.settle_intent(token, resource_id=resource.id)
        self.reporter.created(resource, _deadline_in_words(deadline))
        return resource

    def _job(self, run: Run, plan: Plan, resource: Resource, secrets: Mapping[str, str]) -> Job:
        by_hours = _by_hours(run, plan)
        deadline = self.deadline(run, plan, resource.price.hourly_usd)
        return Job(
            id=handle_of(run),
            command=plan.command,
            setup=plan.setup,
            workdir=plan.workdir,
            env={**plan.env, "RUNCTL_RUN_ID": run.id},
            secrets=secrets,
            resume_from=run.resumed_from,
            checkpoint_dir=plan.checkpoint_directory(run.id),
            deadline=deadline,
            deadline_is_budget=deadline is not None and deadline != by_hours,
            idle_s=plan.idle_minutes * 60,
            grace_s=plan.grace_s,
        )

    def deadline(self, run: Run, plan: Plan, hourly_usd: Decimal | None) -> datetime | None:
        """The moment at which the attempt ends: the earlier of what hours and budget allow.

        Raises:
            Refused: That moment is past.
        """
        ends = [end for end in (_by_hours(run, plan), self._by_budget(run, plan, hourly_usd)) if end]
        if not ends:
            return None
        if min(ends) <= self.clock():
            raise Refused(
                f"{run.id} has used up its deadline or its budget",
                why="both cover all attempts of a run together",
                fix=f"runctl resume {run.id} with more --max-hours or --budget",
            )
        return min(ends)

    def _by_budget(self, run: Run, plan: Plan, hourly_usd: Decimal | None) -> datetime | None:
        if plan.budget_usd is None or not hourly_usd:
            return None
        left = plan.budget_usd - self.tracker.cost_of_run(run.id).usd
        seconds = max(Decimal(0), left) / hourly_usd * 3600
        return self.clock() + timedelta(seconds=float(min(seconds, _TEN_YEARS_S)))

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
        """Bring the results home, let go of the resource, and close the run."""
        run = self.note_start(run, status)
        if run.state is not RunState.COLLECTING:
            run = self.change(run, RunState.COLLECTING)
        collected = collect(run, plan, executor, handle_of(run))
        samples = executor.usage(handle_of(run))
        self._let_go(run, plan, provider)
        state, reason = judge(status)
        run = self.change(
            run,
            state,
            reason,
            exit_code=status.exit_code,
            signal=status.signal,
            ended_by=status.ended_by and str(status.ended_by),
            ended_at=status.ended_at or self.clock(),
            reason=reason,
        )
        write_receipt(self.tracker, run, plan, status, collected, samples)
        return run

    def _let_go(self, run: Run, plan: Plan, provider: TrainingProvider) -> None:
        if run.resource_id is None:
            return
        if plan.on_finish == "keep":
            self.reporter.note(f"{run.resource_id} is kept, as asked; its price goes on")
            return
        if problem := release(self.tracker, provider, plan.provider, run.resource_id):
            self.reporter.note(f"{run.resource_id} could not be released yet: {problem}")

    def _abandon(
        self,
        run: Run,
        plan: Plan,
        provider: TrainingProvider | None,
        resource: Resource | None,
        error: BaseException,
    ) -> None:
        if resource is not None and provider is not None:
            release(self.tracker, provider, plan.provider, resource.id)
        if isinstance(error, Cancelled):
            return
        by_hand = isinstance(error, KeyboardInterrupt)
        state = RunState.CANCELLED if by_hand else RunState.FAILED
        reason = "stopped before it started" if by_hand else getattr(error, "message", str(error))
        self.change(run, state, reason, reason=reason, ended_at=self.clock(), ended_by="launch")

    def change(self, run: Run, to: RunState, detail: str = "", **columns: Any) -> Run:
        """Write that `run` enters `to`. Raises Cancelled when another command ended it meanwhile."""
        changed = self.tracker.change_run(run.id, to, expect=(run.state,), detail=detail, **columns)
        if changed is None:
            raise Cancelled(run.id)
        self.reporter.state(changed, detail)
        return changed


_TEN_YEARS_S = Decimal(10 * 365 * 86400)


def handle_of(run: Run) -> str:
    """The job's id on its resource: one for each attempt."""
    return f"{run.id}-{run.attempt}"


def _by_hours(run: Run, plan: Plan) -> datetime | None:
    return None if plan.max_hours is None else run.created_at + timedelta(hours=plan.max_hours)


def _tags(run: Run, token: str, deadline: datetime | None) -> dict[str, str]:
    tags = {
        TAG_RUN: run.id,
        TAG_OWNER: run.owner,
        TAG_PROJECT: run.project,
        TAG_TOKEN: token,
    }
    return tags if deadline is None else {**tags, TAG_EXPIRES: deadline.isoformat()}


def _deadline_in_words(deadline: datetime | None) -> str:
    if deadline is None:
        return "no deadline"
    return f"ends by itself at {deadline.astimezone():%Y-%m-%d %H:%M}"


def _require_shared_files(executor: JobExecutor, plan: Plan) -> None:
    if not executor.shares_files:
        raise Unsupported(
            f"{plan.provider}'s machines do not share this computer's files",
            why="this version of runctl-core does not copy code to a machine yet",
            fix="runctl providers list names the installed ones; use one that runs here",
        )


def _require_price_for_budget(offer: Offer, plan: Plan) -> None:
    if plan.budget_usd is not None and not offer.price.known:
        raise Refused(
            f"a budget needs a price, and nobody knows the price of {offer.name}",
            fix="--max-hours instead of --budget",
        )
