"""Settling write-ahead intents, and giving back what a launch that did not end well had made.

The truth is the provider's own list. An intent is closed as `nothing was made` only when the call
cannot bring anything to light any more: the provider's listing delay after it was given up.
"""

from __future__ import annotations

from datetime import datetime

from runctl_core.calls import AGREE_TIMEOUT_S, call
from runctl_core.models.resources import Resource
from runctl_core.models.runs import Run
from runctl_core.provider import TrainingProvider
from runctl_core.shown import sound
from runctl_core.tracking import ResourceTracker

_LEFT = "the launch that it was made for was given up"


def settle_intents(
    tracker: ResourceTracker,
    provider: TrainingProvider,
    run: Run,
    *,
    at: datetime,
    in_flight: bool = False,
) -> None:
    """Settle the open intents of a run: what the provider lists is adopted, to be released.

    Args:
        tracker: The books.
        provider: The run's provider.
        run: The run; its launch is over, or was given up.
        at: The present moment.
        in_flight: Whether the create call may still be under way in this very process; otherwise
            the command that made it is dead, for the caller drives the run.
    """
    intents = [i for i in tracker.open_intents(run.provider) if i.run_id == run.id]
    if not intents:
        return
    listed = call(f"{run.provider}: list", lambda: _listed(provider, run.provider))
    # Of two with one token, what may cost money comes last, and counts.
    listed.sort(key=lambda resource: not resource.state.gone)
    by_token = {resource.token: resource for resource in listed if resource.token}
    for intent in intents:
        if resource := by_token.get(intent.token):
            tracker.settle_intent(intent.token, resource, problem=_LEFT)
        elif not in_flight:
            given_up_at = intent.given_up_at or tracker.give_up_intent(intent.token, at)
            if (at - given_up_at).total_seconds() >= provider.listing_delay_s:
                tracker.settle_intent(intent.token)


def _listed(provider: TrainingProvider, name: str) -> list[Resource]:
    return [sound(resource, name) for resource in provider.list_resources()]


def give_back(
    tracker: ResourceTracker, provider: TrainingProvider, run: Run, *, patience_s: float = AGREE_TIMEOUT_S
) -> str:
    """Release what the latest launch of `run` made, and what must go anyway.

    Returns:
        Why something is still there, or nothing. The books show it until a later command settles it.
    """
    from runctl_core.cleanup.release import release

    current = tracker.run(run.id).resource_id
    problems = [
        release(
            tracker,
            provider,
            run.provider,
            tracked.resource.id,
            why=[tracked.problem or f"the launch of {run.id} did not succeed"],
            patience_s=patience_s,
        )
        for tracked in tracker.resources(provider=run.provider, run_id=run.id)
        if tracked.problem or tracked.resource.id == current
    ]
    return "; ".join(filter(None, problems))
