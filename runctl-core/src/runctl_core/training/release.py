"""Letting go of a resource, and never before the provider agrees that it is gone."""

from __future__ import annotations

import time

from runctl_core.calls import call
from runctl_core.errors import ResourceNotFound, RunctlError
from runctl_core.models.resources import Resource
from runctl_core.provider import TrainingProvider
from runctl_core.tracking import ResourceTracker

AGREE_TIMEOUT_S = 120.0
"""How long a provider may take to let go of what it accepted to end."""


def release(
    tracker: ResourceTracker,
    provider: TrainingProvider,
    name: str,
    resource_id: str,
    *,
    patience_s: float = AGREE_TIMEOUT_S,
) -> str:
    """Terminate a resource and ask for `patience_s` until the provider no longer has it.

    Returns:
        An empty string, or why it is not gone. Then the tracker shows the resource as a problem
        until a later command settles it.
    """
    try:
        was_there = not is_gone(provider, name, resource_id)
        call(f"{name}: terminate", lambda: provider.terminate_resource(resource_id))
        _until_gone(provider, name, resource_id, patience_s)
    except RunctlError as error:
        problem = f"{error.message}{f': {error.why}' if error.why else ''}"
        tracker.flag_resource(name, resource_id, problem)
        return problem
    tracker.mark_gone(name, resource_id, end_seen=was_there)
    return ""


def _until_gone(provider: TrainingProvider, name: str, resource_id: str, patience_s: float) -> None:
    end = time.monotonic() + patience_s
    pause = 0.05
    while not is_gone(provider, name, resource_id):
        if time.monotonic() > end:
            raise RunctlError(f"{name} still lists {resource_id} after it accepted to end it")
        time.sleep(pause)
        pause = min(2 * pause, 5.0)


def is_gone(provider: TrainingProvider, name: str, resource_id: str) -> bool:
    """Whether the provider no longer has the resource."""
    try:
        found = call(f"{name}: get", lambda: provider.get_resource(resource_id), gives=Resource)
    except ResourceNotFound:
        return True
    return found.state.gone
