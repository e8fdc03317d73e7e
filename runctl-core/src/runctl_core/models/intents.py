"""A write-ahead intent: the promise, written before a create call, that a resource may come to be."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen


@frozen
class Intent:
    """One intent to create a resource.

    Attributes:
        token: Unique for the attempt; the resource carries it in its tags.
        run_id: The run that it is for.
        provider: The provider that was asked.
        attempt: The run's attempt.
        created_at: When it was written, which is before the call.
        given_up_at: When a later command first found that nobody waits for the call any more.
    """

    token: str
    run_id: str
    provider: str
    attempt: int
    created_at: datetime
    given_up_at: datetime | None = None
