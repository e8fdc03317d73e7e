"""Checks of `create_resource`: one token, one machine, its tags set in the same call."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from runctl_core.errors import RunctlError, UnknownOutcome
from runctl_core.models.resources import Resource, ResourceState
from runctl_core.provider import ProviderInfo, TrainingProvider
from runctl_core.testing.check import BrokenPromise, broken, check
from runctl_core.testing.cloud import Fault, Operation
from runctl_core.testing.driven import Driven
from runctl_core.testing.expect import raised
from runctl_core.testing.fixtures import Fixtures
from runctl_core.testing.launcher import Launcher

_AT_ONCE = 6
_CLOCKS = timedelta(minutes=10)

REFUSALS = (Fault.NO_CAPACITY, Fault.QUOTA, Fault.NO_FUNDS, Fault.INVALID, Fault.UNAUTHENTICATED)
"""Faults after which nothing may be there."""


def _one(fake: Driven, token: str, *, after: str) -> None:
    __tracebackhide__ = True
    if len(made := fake.alive(token)) != 1:
        broken(expected=f"one machine with the token after {after}", found=f"{len(made)}: {made}")


class CreateChecks(Fixtures):
    """What making a resource promises."""

    @check("a create makes one machine", tests="create_resource")
    def test_create_makes_one_machine(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven
    ) -> None:
        """Launches, and asks the cloud itself what is there."""
        spec = launch.spec()
        before = sum(not m.gone for m in fake.machines())
        provider.create_resource(spec)
        alive = [m for m in fake.machines() if not m.gone]
        if len(alive) != before + 1:
            broken(expected=f"{before + 1} machines, one more than before", found=alive)

    @check("the tags are set in the call that creates", tests="create_resource")
    def test_create_sets_the_tags_in_the_same_call(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven
    ) -> None:
        """Loses the create's reply, so that a second call for tags never comes, and looks at the machine."""
        spec = launch.spec()
        fake.inject(Operation.CREATE, Fault.REPLY_LOST)
        before = {m.id for m in fake.machines()}
        with suppress(RunctlError):  # another check asks which error it is
            provider.create_resource(spec)
        new = [m for m in fake.machines() if m.id not in before]
        if not new or any(dict(m.tags) != dict(spec.tags) for m in new):
            broken(expected=f"a machine with exactly the tags {dict(spec.tags)} from its birth", found=new)

    @check("a created machine is told with its tags, and as managed", tests="create_resource")
    def test_create_returns_the_tags(self, provider: TrainingProvider, launch: Launcher) -> None:
        """Compares what `create_resource` returns with what was asked for."""
        spec = launch.spec()
        made = provider.create_resource(spec)
        missing = {k: v for k, v in spec.tags.items() if made.tags.get(k) != v}
        if missing or not made.managed:
            broken(expected=f"managed, with the tags {dict(spec.tags)}", found=made)

    @check("tags are kept to the letter", tests="create_resource")
    def test_tags_are_kept_to_the_letter(self, provider: TrainingProvider, launch: Launcher) -> None:
        """Sets tags with capitals, spaces, `@`, `:`, `+` and `/`, as owners and moments have them."""
        spec = launch.spec()
        tags = dict(spec.tags) | {
            "runctl:owner": "Jo Do+ml@Example.org",
            "runctl:project": "runctl-conformance",
        }
        made = provider.create_resource(launch.spec(token=spec.token, tags=tags))
        told = provider.get_resource(made.id).tags
        if wrong := {k: told.get(k) for k, v in tags.items() if told.get(k) != v}:
            broken(expected=f"the tags {tags}", found=f"these differ: {wrong}")

    @check("a second create with the token returns the first one's machine", tests="create_resource")
    def test_create_is_idempotent_by_token(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven
    ) -> None:
        """Creates twice with one token."""
        spec = launch.spec()
        first, second = provider.create_resource(spec), provider.create_resource(spec)
        if first.id != second.id:
            broken(expected=f"{first.id} again", found=second.id)
        _one(fake, spec.token, after="two creates with it")

    @check("creates with one token at once make one machine", tests="create_resource")
    def test_create_is_idempotent_at_once(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven
    ) -> None:
        """Creates from six threads with one token. A call may fail; what it made may not be a second one."""
        spec = launch.spec()

        def create(_: int) -> Resource | None:
            try:
                return provider.create_resource(spec)
            except RunctlError:
                return None

        with ThreadPoolExecutor(_AT_ONCE) as threads:
            made = [resource for resource in threads.map(create, range(_AT_ONCE)) if resource]
        if len({resource.id for resource in made}) != 1:
            broken(expected="one id from every create", found=[resource.id for resource in made])
        _one(fake, spec.token, after=f"{_AT_ONCE} creates at once with it")

    @check("a create after an unknown outcome finds what was made", tests="create_resource")
    def test_create_is_idempotent_after_an_unknown_outcome(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven
    ) -> None:
        """Loses the first create's reply, and creates again with its token."""
        spec = launch.spec()
        fake.inject(Operation.CREATE, Fault.REPLY_LOST)
        with suppress(RunctlError):  # another check asks which error it is
            provider.create_resource(spec)
        provider.create_resource(spec)
        _one(fake, spec.token, after="a lost reply and a second create")

    @check("a token is known to every process, not only to the one that created", tests="create_resource")
    def test_create_is_idempotent_across_processes(
        self,
        provider: TrainingProvider,
        another_provider: TrainingProvider,
        launch: Launcher,
        fake: Driven,
    ) -> None:
        """Creates with a provider, and again with one that shares nothing with it, as after a crash."""
        spec = launch.spec()
        first, second = provider.create_resource(spec), another_provider.create_resource(spec)
        if first.id != second.id:
            broken(expected=f"{first.id} again", found=second.id)
        _one(fake, spec.token, after="creates of two processes")

    @check("two tokens make two machines", tests="create_resource")
    def test_two_tokens_make_two_machines(self, launch: Launcher) -> None:
        """Creates with two tokens, everything else the same."""
        first, second = launch(), launch()
        if first.id == second.id:
            broken(expected="two machines with ids of their own", found=f"{first.id} twice")

    @check("a create whose reply is lost has an unknown outcome, never a failed one", tests="create_resource")
    def test_a_lost_reply_is_an_unknown_outcome(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven
    ) -> None:
        """Loses the reply. A provider may settle it itself, and return what was made."""
        spec = launch.spec()
        fake.inject(Operation.CREATE, Fault.REPLY_LOST)
        try:
            made = provider.create_resource(spec)
        except UnknownOutcome:
            return
        except Exception as error:
            raise _not_unknown(error) from error
        if made.token != spec.token:
            broken(expected="UnknownOutcome, or the machine that was made", found=made)

    @pytest.mark.parametrize("fault", REFUSALS, ids=str)
    @check("a refused create makes nothing", tests="create_resource")
    def test_a_refused_create_makes_nothing(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven, fault: Fault
    ) -> None:
        """Refuses the create in each way, and counts the cloud's machines. It must not be hidden either."""
        spec = launch.spec()
        fake.inject(Operation.CREATE, fault)
        raised(RunctlError, lambda: provider.create_resource(spec), when=f"of a create refused by {fault}")
        if there := fake.alive(spec.token):
            broken(expected=f"nothing made after {fault}", found=there)

    @check("a created machine says what it is", profile="recommended", tests="create_resource")
    def test_a_created_machine_says_what_it_is(self, launch: Launcher, info: ProviderInfo) -> None:
        """Compares provider, type, GPUs and spot with the offer that was chosen."""
        spec = launch.spec()
        made = launch(token=spec.token)
        offer = spec.offer
        told = (made.provider, made.instance_type, made.gpu, made.gpu_count, made.spot)
        wanted = (info.name, offer.name, offer.gpu, offer.gpu_count, offer.spot)
        if told != wanted:
            broken(expected=f"provider, type, GPU, number, spot: {wanted}", found=told)

    @check("a machine's price is known or unknown, and never zero for unknown", tests="create_resource")
    def test_a_machine_has_a_price_or_an_unknown_one(
        self, provider: TrainingProvider, launch: Launcher
    ) -> None:
        """Looks at the price of a new machine, as created and as listed."""
        made = launch()
        for resource in (made, provider.get_resource(made.id)):
            if resource.price.hourly_usd == 0 and not self.costs_nothing:
                broken(expected="a price above zero, or UNKNOWN_PRICE", found=resource.price)

    @check("the moment of creation has a time zone, and is now", tests="create_resource")
    def test_created_at_is_now(self, provider: TrainingProvider, launch: Launcher) -> None:
        """Looks at `created_at`; None is allowed, a wrong moment is not."""
        before = datetime.now(UTC)
        made = provider.get_resource(launch().id)
        moment = made.created_at
        if moment is None:
            return
        if moment.tzinfo is None or abs(moment - before) > _CLOCKS:
            broken(expected=f"about {before.isoformat()}, with a time zone, or None", found=repr(moment))

    @check("the moment of creation is sane where the cloud's clock is not", profile="chaos")
    def test_created_at_with_a_skewed_clock(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven
    ) -> None:
        """Sets the cloud's clock an hour ahead: a machine's age may not decide that it vanishes or stays."""
        fake.skew_clock(3600)
        made = provider.get_resource(launch().id)
        if made.created_at is not None and made.created_at.tzinfo is None:
            broken(expected="a moment with a time zone, or None", found=repr(made.created_at))
        if made.state.gone or made.state is ResourceState.UNKNOWN:
            broken(expected="a machine that starts or runs", found=made)


def _not_unknown(error: Exception) -> BrokenPromise:
    found = f"{type(error).__name__}: {error}"
    return BrokenPromise(expected="UnknownOutcome: the machine may have been made", found=found)
