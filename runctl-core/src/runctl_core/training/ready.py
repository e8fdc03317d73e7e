"""From a machine that exists to one that runs: its address may be known only then."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from runctl_core.errors import CapacityError, ResourceNotFound, Scope
from runctl_core.models.resources import Resource, ResourceState
from runctl_core.shown import look_at

if TYPE_CHECKING:
    from runctl_core.provider import TrainingProvider
    from runctl_core.training.engine import Engine

UP_TIMEOUT_S = 900.0
"""How long a machine may take to start: clouds pull images of many gigabytes."""


def wait_until_up(
    engine: Engine,
    provider: TrainingProvider,
    resource: Resource,
    *,
    check: Callable[[], None] = lambda: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Resource:
    """The machine once its provider says that it runs.

    Args:
        engine: Whose reporter is told.
        provider: Of the machine.
        resource: The machine as it was made.
        check: Called at each look; raises when nobody waits for it any more.
        sleep: Waits.

    Raises:
        CapacityError: It went away, or did not start in time.
    """
    end, pause_s = time.monotonic() + UP_TIMEOUT_S, 0.1
    if resource.state is ResourceState.STARTING:
        engine.tell(engine.reporter.note, f"{resource.name} is starting")
    while resource.state is ResourceState.STARTING:
        check()
        if time.monotonic() > end:
            raise _lost(resource, f"it did not start within {UP_TIMEOUT_S / 60:.0f} minutes")
        sleep(pause_s)
        pause_s = min(5.0, pause_s * 1.5)
        try:
            resource = look_at(provider, resource.provider, resource.id)
        except ResourceNotFound as error:
            if not _may_be_hidden(engine, provider, resource):
                raise _lost(resource, "it went away while it was starting") from error
    if resource.state.gone or resource.state is ResourceState.ERROR:
        raise _lost(resource, f"its provider says that it is {resource.state}")
    return resource


def _may_be_hidden(engine: Engine, provider: TrainingProvider, resource: Resource) -> bool:
    tracked = engine.tracker.resource(resource.provider, resource.id)
    age_s = (engine.clock() - tracked.first_seen).total_seconds() if tracked else 0.0
    return age_s < provider.listing_delay_s


def _lost(resource: Resource, why: str) -> CapacityError:
    return CapacityError(
        f"the machine {resource.id} cannot be used",
        why=why,
        fix=f"runctl offers --provider {resource.provider}, then try again",
        scope=Scope.OFFER,
    )
