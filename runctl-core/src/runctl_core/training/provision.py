"""From offers to a resource: the write-ahead intent, the call, and the books."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import evolve

from runctl_core.calls import CREATE_TIMEOUT_S, call
from runctl_core.errors import (
    AuthenticationError,
    CapacityError,
    InsufficientFunds,
    InvalidRequest,
    QuotaError,
    Refused,
    RunctlError,
    Unsupported,
)
from runctl_core.models.intents import Intent
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
from runctl_core.shown import sound
from runctl_core.training.choose import nothing_fits, reached

if TYPE_CHECKING:
    from runctl_core.models.runs import Run
    from runctl_core.provider import TrainingProvider
    from runctl_core.training.engine import Engine
    from runctl_core.training.plan import Plan

_NOTHING_MADE = (CapacityError, AuthenticationError, InvalidRequest, Refused, Unsupported)
"""A provider that answers so has refused; after anything else its list is asked."""


def provision(
    engine: Engine, run: Run, plan: Plan, provider: TrainingProvider, offers: list[Offer]
) -> Resource:
    """Make a resource from the first of `offers` that can be had, and bring it into the books.

    Raises:
        CapacityError: None can be had; quota and funds stop at once, capacity only within its scope.
        RunctlError: The provider's. What it may have made is still to be settled.
    """
    tried: list[tuple[Offer, RunctlError]] = []
    for offer in offers:
        if any(reached(offer, failed, error.scope) for failed, error in tried):
            continue
        engine.tell(engine.reporter.chosen, offer)
        try:
            return _create(engine, run, plan, provider, offer)
        except (QuotaError, InsufficientFunds):
            raise
        except CapacityError as error:
            engine.tell(engine.reporter.passed_over, offer, error.message)
            tried.append((offer, error))
    raise nothing_fits(plan.resource_request(), offers, tried)


def _create(engine: Engine, run: Run, plan: Plan, provider: TrainingProvider, offer: Offer) -> Resource:
    token = f"{run.id}-{run.attempt}-{uuid.uuid4().hex[:12]}"
    deadline, _ = engine.deadline(run, plan, offer.price.hourly_usd)
    spec = LaunchSpec(token, f"{run.id}-{run.attempt}", offer, _tags(run, token, deadline), deadline)
    intent = Intent(token, run.id, plan.provider, run.attempt, created_at=engine.clock())
    engine.tracker.open_intent(intent, hourly_usd=offer.price.hourly_usd, deadline=deadline)
    try:
        engine.budgets.require(offer, deadline, token)
        resource = call(
            f"{plan.provider}: create",
            lambda: sound(provider.create_resource(spec), plan.provider),
            timeout_s=CREATE_TIMEOUT_S,
            creates=True,
        )
    except _NOTHING_MADE:
        engine.tracker.settle_intent(token)
        raise
    if not resource.price.known:
        resource = evolve(resource, price=evolve(offer.price, estimated=True))
    try:
        engine.tracker.settle_intent(token, resource)
    except BaseException:
        # The books do not take it now. The intent stays open, so a refusal here is settled later.
        with suppress(RunctlError):
            call(f"{plan.provider}: terminate", lambda: provider.terminate_resource(resource.id))
        raise
    engine.tell(engine.reporter.created, resource, _deadline_in_words(deadline))
    return resource


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
