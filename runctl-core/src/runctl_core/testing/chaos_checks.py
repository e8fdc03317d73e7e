"""Checks of a cloud at its worst: faults drawn from the seed, and never two machines for one token."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from attrs import evolve

from runctl_core.errors import ProviderUnavailable, RunctlError, UnknownOutcome
from runctl_core.models.resources import ResourceRequest
from runctl_core.provider import TrainingProvider
from runctl_core.testing.check import broken, check
from runctl_core.testing.cloud import Fault, Operation
from runctl_core.testing.driven import Driven, not_applicable
from runctl_core.testing.expect import by_token, is_gone, until
from runctl_core.testing.fixtures import Fixtures
from runctl_core.testing.launcher import Launcher

_ROUNDS = 12
_TRIES = 10
_PASSING = (Fault.RATE_LIMIT_SILENT, Fault.SERVER_ERROR, Fault.RESET, Fault.REPLY_LOST, Fault.GARBLED)


class ChaosChecks(Fixtures):
    """What holds while calls fail."""

    @check("whatever fails, a token makes one machine", profile="chaos", tests="create_resource")
    def test_one_token_one_machine_whatever_fails(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven, seed: int
    ) -> None:
        """Creates with one token until it works, each time with a fault drawn from the seed."""
        draw = random.Random(seed)  # noqa: S311  chance that can be repeated
        for _ in range(_ROUNDS):
            spec = launch.spec()
            for _ in range(draw.randrange(1, 4)):
                fake.inject(Operation.CREATE, draw.choice(_PASSING))
            _tried(partial(provider.create_resource, spec))
            if len(there := fake.alive(spec.token)) != 1:
                broken(expected="one machine for the token", found=there)
            _tried(partial(_end_by_token, provider, spec.token))

    @check("whatever fails, a machine can be ended", profile="chaos", tests="terminate_resource")
    def test_a_machine_ends_whatever_fails(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven, seed: int
    ) -> None:
        """Terminates with faults drawn from the seed until it works."""
        draw = random.Random(seed)  # noqa: S311  chance that can be repeated
        for _ in range(_ROUNDS // 2):
            made = launch()
            for _ in range(draw.randrange(1, 4)):
                fake.inject(Operation.TERMINATE, draw.choice(_PASSING))
            _tried(partial(provider.terminate_resource, made.id))
            fake.clear_faults()
            until(
                partial(is_gone, provider, made.id),
                expected=f"{made.id} gone",
                timeout_s=self.ready_s,
            )

    @check("a list is whole or an error, whatever fails", profile="chaos", tests="list_resources")
    def test_a_list_is_whole_or_an_error(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven, seed: int
    ) -> None:
        """Lists with a fault drawn from the seed each time, and looks for a machine that is there."""
        draw = random.Random(seed)  # noqa: S311  chance that can be repeated
        spec = launch.spec()
        provider.create_resource(spec)
        until(
            lambda: by_token(provider, spec.token),
            expected="it is listed",
            timeout_s=provider.listing_delay_s + 1,
        )
        for _ in range(_ROUNDS):
            fake.inject(Operation.LIST, draw.choice(_PASSING))
            try:
                found = by_token(provider, spec.token)
            except (ProviderUnavailable, UnknownOutcome):
                continue
            finally:
                fake.clear_faults()
            if len(found) != 1:
                broken(expected="the machine in every list that was answered", found=found)

    @check("an unknown outcome is settled by the list while it lags", profile="chaos", tests="list_resources")
    def test_an_unknown_outcome_is_settled_while_the_list_lags(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven
    ) -> None:
        """Loses the create's reply, lets the list lag, and finds the token within `listing_delay_s`."""
        fake.set_listing_lag(provider.listing_delay_s / 2)
        spec = launch.spec()
        fake.inject(Operation.CREATE, Fault.REPLY_LOST)
        with suppress(UnknownOutcome):  # that is what happened
            provider.create_resource(spec)
        until(
            lambda: by_token(provider, spec.token),
            expected="the machine that was made is listed by its token",
            timeout_s=max(1.0, provider.listing_delay_s),
        )

    @check("a burst of failures passes, and everything works again", profile="chaos", tests="offers")
    def test_everything_works_after_a_burst(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven
    ) -> None:
        """Fails every call for a while: a provider that remembers a broken connection stays broken."""
        for fault in (Fault.RESET, Fault.SERVER_ERROR):
            for operation in (Operation.OFFERS, Operation.LIST):
                fake.inject(operation, fault, times=5)
        for _ in range(2):
            try:
                list(provider.offers(self.wanted)), list(provider.list_resources())
            except ProviderUnavailable:
                continue
        fake.clear_faults()
        made = launch()
        if not list(provider.offers(self.wanted)) or provider.get_resource(made.id).id != made.id:
            broken(expected="everything works when the cloud does", found="it does not")

    @check("a machine taken away after a notice is gone", profile="chaos", needs="spot", tests="get_resource")
    def test_a_notice_precedes_the_end(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven
    ) -> None:
        """Announces the end of a spot machine a second ahead; it is gone soon after."""
        offer = next(iter(provider.offers(evolve(ResourceRequest(), spot=True))), None)
        if offer is None:
            not_applicable("no spot machine is offered now")
        made = launch.ready(offer=offer)
        fake.preempt(made.id, notice_s=1.0)
        until(lambda: is_gone(provider, made.id), expected="it is gone", timeout_s=self.ready_s)


def _end_by_token(provider: TrainingProvider, token: str) -> None:
    for resource in by_token(provider, token):
        provider.terminate_resource(resource.id)


def _tried(call: Callable[[], object]) -> None:
    """Call until it works, as the engine does."""
    problems = []
    for _ in range(_TRIES):
        try:
            call()
        except RunctlError as error:
            if not (error.retryable or isinstance(error, UnknownOutcome)):
                raise
            problems.append(error.kind)
        else:
            return
    broken(expected=f"it works within {_TRIES} tries", found=problems)
