"""Providers that break one promise of `create_resource` each; `breaks` is the check named after it."""

from __future__ import annotations

import time
import uuid

from attrs import evolve

from kit.small_provider import SmallProvider, runctl_provider
from runctl_core.api import ProviderUnavailable, UnknownOutcome

__all__ = ["BROKEN", "runctl_provider"]


class MakesAnother(SmallProvider):
    """A second create makes a second machine."""

    breaks = "test_create_is_idempotent_by_token"
    also = (
        "test_create_is_idempotent_at_once",
        "test_create_is_idempotent_after_an_unknown_outcome",
        "test_create_is_idempotent_across_processes",
        "test_one_token_one_machine_whatever_fails",
    )

    def create(self, spec):
        return super().create(evolve(spec, token=uuid.uuid4().hex))


class RemembersTokens(SmallProvider):
    """Tokens are known to the process that created, and to no other."""

    breaks = "test_create_is_idempotent_across_processes"

    def __init__(self, cloud):
        super().__init__(cloud)
        self._salt = uuid.uuid4().hex[:4]

    def create(self, spec):
        return super().create(evolve(spec, token=f"{spec.token}-{self._salt}"))


class TagsAfterwards(SmallProvider):
    """Tags are set in a second call."""

    breaks = "test_create_sets_the_tags_in_the_same_call"
    also = ("test_a_lost_reply_is_an_unknown_outcome",)

    def create(self, spec):
        made = super().create(evolve(spec, tags={}))
        self.cloud.tag(made.id, dict(spec.tags))
        return self.cloud.get(made.id)


class TakesALostReplyForAFailure(SmallProvider):
    """A lost reply is told as if nothing had been carried out."""

    breaks = "test_a_lost_reply_is_an_unknown_outcome"
    also = ("test_a_broken_create_has_an_unknown_outcome",)

    def ours(self, error, creates):
        found = super().ours(error, creates)
        return ProviderUnavailable(found.message) if isinstance(found, UnknownOutcome) else found


class ReplacesSpot(SmallProvider):
    """Who asked for a spot machine silently gets one on demand."""

    breaks = "test_a_spot_machine_is_spot"

    def create(self, spec):
        return super().create(evolve(spec, offer=evolve(spec.offer, spot=False)))


class NaiveClock(SmallProvider):
    """The moment of creation has no time zone."""

    breaks = "test_created_at_is_now"
    also = ("test_a_created_machine_says_what_it_is", "test_created_at_with_a_skewed_clock")

    def resource(self, row):
        return evolve(super().resource(row), created_at=row.created_at.replace(tzinfo=None))


class OneAtATime(SmallProvider):
    """What is created stands in the provider itself, where another thread overwrites it."""

    breaks = "test_creates_at_once"
    also = ("test_lists_while_machines_come_and_go",)

    def create(self, spec):
        self._spec = spec
        time.sleep(0.05)
        return super().create(self._spec)


class RefusesTwice(SmallProvider):
    """A create that was refused is tried once more, which makes what was refused."""

    breaks = "test_a_refused_create_makes_nothing"
    also = ("test_create_is_idempotent_after_an_unknown_outcome",)

    def create_resource(self, spec):
        try:
            return super().create_resource(spec)
        except UnknownOutcome:
            raise
        except Exception:
            return super().create_resource(spec)


BROKEN = (
    MakesAnother,
    RemembersTokens,
    TagsAfterwards,
    TakesALostReplyForAFailure,
    ReplacesSpot,
    NaiveClock,
    OneAtATime,
    RefusesTwice,
)
