"""Providers that break one promise each: of ending machines, of errors, of keys, of stopping."""

from __future__ import annotations

from kit.small_provider import SmallProvider, runctl_provider
from runctl_core.api import InvalidRequest, ProviderUnavailable, RateLimited, ResourceNotFound, RunctlError

__all__ = ["BROKEN", "runctl_provider"]


class RaisesWhenGone(SmallProvider):
    """Terminating what is gone is an error."""

    breaks = "test_terminating_twice_is_no_error"
    also = (
        "test_terminating_what_vanished_is_no_error",
        "test_terminate_after_a_lost_reply",
        "test_terminations_at_once",
        "test_a_machine_ends_whatever_fails",
    )

    def terminate_resource(self, resource_id):
        self.call(self.cloud.terminate, resource_id)


class SwallowsARefusal(SmallProvider):
    """A refused termination is told to nobody."""

    breaks = "test_a_refused_termination_raises"

    def terminate_resource(self, resource_id):
        try:
            super().terminate_resource(resource_id)
        except InvalidRequest:
            return


class TerminatesNothing(SmallProvider):
    """Only what runs is ended; the call for the rest is forgotten, and nobody learns of it."""

    breaks = "test_a_failed_termination_raises"
    also = (
        "test_a_refused_termination_raises",
        "test_a_refused_key_is_an_authentication_error",
        "test_too_many_calls_are_rate_limited",
        "test_a_machine_ends_whatever_fails",
    )

    def terminate_resource(self, resource_id):
        try:
            super().terminate_resource(resource_id)
        except RunctlError:
            return


class StopsNothing(SmallProvider):
    """It claims to stop machines, and does not."""

    breaks = "test_a_machine_stops_and_starts"
    also = ("test_stopping_and_starting_twice_is_no_error", "test_a_stopped_machine_is_listed")
    ready_s = 2

    def stop_resource(self, resource_id):
        self.get_resource(resource_id)


class ForeignErrors(SmallProvider):
    """What the cloud's client raises leaves it as it is."""

    breaks = "test_no_foreign_error_leaves_a_provider"
    also = ("test_a_wrong_request_is_invalid", "test_a_refused_create_makes_nothing")

    def ours(self, error, creates):
        if error.code == "invalid":
            raise ValueError(str(error))
        return super().ours(error, creates)


class NoScope(SmallProvider):
    """It does not say how far nothing is free."""

    breaks = "test_no_capacity_is_a_capacity_error"

    def scope(self):
        return None


class ForgetsTheTime(SmallProvider):
    """It does not say for how long the cloud wants to be left alone."""

    breaks = "test_too_many_calls_are_rate_limited"

    def ours(self, error, creates):
        found = super().ours(error, creates)
        return RateLimited(found.message) if isinstance(found, RateLimited) else found


class NotFoundWhenBroken(SmallProvider):
    """A cloud that is broken is told as a machine that is gone."""

    breaks = "test_a_broken_cloud_is_unavailable"

    def get_resource(self, resource_id):
        try:
            return super().get_resource(resource_id)
        except ProviderUnavailable as error:
            if isinstance(error, RateLimited):
                raise
            raise ResourceNotFound(error.message) from error


class KeyInErrors(SmallProvider):
    """Its errors have the key in them."""

    breaks = "test_no_secret_is_in_an_error"

    def ours(self, error, creates):
        found = super().ours(error, creates)
        found.why = f"Authorization: Bearer {self.cloud.secrets[0]}"
        return found


class KeyInRepr(SmallProvider):
    """Written out, it shows its key."""

    breaks = "test_no_secret_is_in_a_repr"

    def __repr__(self):
        return f"KeyInRepr(api_key={self.cloud.secrets[0]!r})"


BROKEN = (
    RaisesWhenGone,
    SwallowsARefusal,
    TerminatesNothing,
    StopsNothing,
    ForeignErrors,
    NoScope,
    ForgetsTheTime,
    NotFoundWhenBroken,
    KeyInErrors,
    KeyInRepr,
)
