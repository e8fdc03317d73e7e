"""Launches for checks: each with a token and tags of its own, and each ended when its check is over."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve

from runctl_core.errors import RunctlError
from runctl_core.models.resources import (
    TAG_EXPIRES,
    TAG_OWNER,
    TAG_PROJECT,
    TAG_RUN,
    TAG_TOKEN,
    LaunchSpec,
    Offer,
    Resource,
    ResourceState,
)
from runctl_core.provider import TrainingProvider
from runctl_core.testing.check import broken
from runctl_core.testing.expect import is_gone, until

PROJECT = "runctl-conformance"
"""The project in the tags of everything that the kit makes: the sweeper finds it by that."""

DEADLINE = timedelta(minutes=30)
"""Every launch of the kit is told to end itself after so long."""

_ENDING_S = 60.0
_PAUSE_S = 0.1


class Launcher:
    """Makes resources for one check. `end` takes them all away, and says when one stays.

    Args:
        provider: The provider that is checked.
        offer: What is launched where a check names nothing else.
        ready_s: How long a machine may take until it runs, in seconds.
    """

    def __init__(self, provider: TrainingProvider, offer: Offer, ready_s: float) -> None:
        self._provider = provider
        self._offer = offer
        self._ready_s = ready_s
        self._tokens: list[str] = []

    def spec(self, **changes: Any) -> LaunchSpec:
        """What a launch asks for; `changes` are fields of it. Whatever it makes is ended with the check."""
        token = str(changes.pop("token", None) or uuid.uuid4())
        deadline = datetime.now(UTC) + DEADLINE
        name = f"kit-{token[:8]}"
        tags = {
            TAG_RUN: name,
            TAG_TOKEN: token,
            TAG_OWNER: "kit@example.org",
            TAG_PROJECT: PROJECT,
            TAG_EXPIRES: deadline.isoformat(),
        }
        self._tokens.append(token)
        return evolve(LaunchSpec(token, name, self._offer, tags, deadline), **changes)

    def __call__(self, **changes: Any) -> Resource:
        """Make a resource, and return it as the provider did."""
        return self._provider.create_resource(self.spec(**changes))

    def ready(self, **changes: Any) -> Resource:
        """Make a resource, and return it when a job could be started on it."""
        made = self(**changes)

        def look() -> Resource | None:
            now = self._provider.get_resource(made.id)
            return now if now.state is ResourceState.RUNNING else None

        return until(look, expected=f"{made.id} running", timeout_s=self._ready_s)

    def end(self) -> None:
        """Terminate everything that was launched. Raises BrokenPromise for what is still there."""
        limit = time.monotonic() + _ENDING_S
        while mine := self._end_once():
            if time.monotonic() > limit:
                broken(
                    expected="everything that the check launched is gone when it is terminated", found=mine
                )
            time.sleep(_PAUSE_S)

    def _end_once(self) -> list[str]:
        """Ask for the end of what is left; what is left, or why nobody can tell."""
        tokens = set(self._tokens)
        try:
            left = [r for r in self._provider.list_resources() if r.token in tokens and not r.state.gone]
            for resource in left:
                self._provider.terminate_resource(resource.id)
            return [resource.id for resource in left if not is_gone(self._provider, resource.id)]
        except RunctlError as error:
            return [error.summary]
