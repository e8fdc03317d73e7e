"""Letting go of a resource: announced in the audit log first, and never over before its provider agrees.

Everything of runctl that ends or stops a resource goes through here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from runctl_core.calls import AGREE_TIMEOUT_S, call
from runctl_core.errors import Refused, ResourceNotFound, RunctlError, Unsupported
from runctl_core.models.resources import Resource, ResourceState
from runctl_core.provider import Stoppable, TrainingProvider
from runctl_core.shown import look_at
from runctl_core.tracking import ResourceTracker
from runctl_core.tracking.audit import Act, Answer


def release(
    tracker: ResourceTracker,
    provider: TrainingProvider,
    name: str,
    resource_id: str,
    *,
    why: Sequence[str],
    patience_s: float = AGREE_TIMEOUT_S,
) -> str:
    """Terminate a resource and ask for `patience_s` until the provider no longer has it.

    Args:
        tracker: The books, and the audit log.
        provider: The resource's provider.
        name: That provider's name.
        resource_id: The resource's id.
        why: Why it may go, a fact each, for the audit log.
        patience_s: How long the provider may take, in seconds.

    Returns:
        An empty string, or why it is not gone. Then the tracker shows the resource as a problem
        until a later command settles it, unless it is protected.

    Raises:
        StateError: The books do not take the announcement; the provider was asked nothing.
    """

    seen: list[bool] = []

    def terminate() -> None:
        seen.append(not is_gone(provider, name, resource_id))
        provider.terminate_resource(resource_id)

    def is_over() -> bool:
        return is_gone(provider, name, resource_id)

    problem = _carry_out(tracker, Act.TERMINATE, name, resource_id, why, terminate, is_over, patience_s)
    if not problem:
        tracker.mark_gone(name, resource_id, end_seen=seen[-1])
    return problem


def stop_resource(
    tracker: ResourceTracker,
    provider: TrainingProvider,
    name: str,
    resource_id: str,
    *,
    why: Sequence[str],
    patience_s: float = AGREE_TIMEOUT_S,
) -> str:
    """Stop a resource, whose disks stay, and ask for `patience_s` until the provider says so.

    Arguments, results and errors are those of `release`.

    Raises:
        Unsupported: The provider stops nothing.
    """
    if not isinstance(provider, Stoppable):
        raise Unsupported(f"{name} cannot stop a resource", fix="runctl providers show " + name)
    stop, seen = provider.stop_resource, list[Resource]()

    def is_over() -> bool:
        seen.append(look_at(provider, name, resource_id))
        return seen[-1].state is ResourceState.STOPPED or seen[-1].state.gone

    def ask() -> None:
        stop(resource_id)

    problem = _carry_out(tracker, Act.STOP, name, resource_id, why, ask, is_over, patience_s)
    if seen:
        tracker.record_resource(seen[-1])
    return problem


def _carry_out(
    tracker: ResourceTracker,
    act: Act,
    name: str,
    resource_id: str,
    why: Sequence[str],
    do: Callable[[], None],
    is_over: Callable[[], bool],
    patience_s: float,
) -> str:
    try:
        act_id = tracker.audit.announce(act, name, resource_id, why)
    except Refused as error:
        return error.summary
    answer = Answer.ERROR
    try:
        call(f"{name}: {act}", do)
        answer = Answer.ACCEPTED
        _wait(is_over, patience_s, f"{name} has not carried it out {patience_s:g} s after it accepted to")
    except RunctlError as error:
        problem = error.summary
        tracker.audit.answered(act_id, answer, problem)
        tracker.flag_resource(name, resource_id, problem)
        return problem
    tracker.audit.answered(act_id, Answer.GONE if act is Act.TERMINATE else Answer.STOPPED)
    return ""


def _wait(is_over: Callable[[], bool], patience_s: float, otherwise: str) -> None:
    end = time.monotonic() + patience_s
    pause = 0.05
    while not is_over():
        if time.monotonic() > end:
            raise RunctlError(otherwise)
        time.sleep(pause)
        pause = min(2 * pause, 5.0)


def is_gone(provider: TrainingProvider, name: str, resource_id: str) -> bool:
    """Whether the provider no longer has the resource."""
    try:
        return look_at(provider, name, resource_id).state.gone
    except ResourceNotFound:
        return True
