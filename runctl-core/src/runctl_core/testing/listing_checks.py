"""Checks of `list_resources` and `get_resource`: everything is there, whole, and in runctl's own words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from runctl_core.errors import ProviderUnavailable, ResourceNotFound
from runctl_core.models.resources import Resource, ResourceState
from runctl_core.provider import ProviderInfo, TrainingProvider
from runctl_core.testing.check import broken, check
from runctl_core.testing.cloud import Fault, Operation
from runctl_core.testing.driven import Driven, not_applicable
from runctl_core.testing.expect import by_token, is_gone, listed, raised, until
from runctl_core.testing.fixtures import Fixtures
from runctl_core.testing.launcher import Launcher

_MANY = 60
_PATIENCE_S = 10.0

_Answer = TypeVar("_Answer")


class ListingChecks(Fixtures):
    """What a provider lists and tells."""

    @check("the list finds what create made, by its token", tests="list_resources")
    def test_list_finds_what_create_made(self, provider: TrainingProvider, launch: Launcher) -> None:
        """Creates, and looks for the token in the list until the listing delay is over."""
        spec = launch.spec()
        made = provider.create_resource(spec)
        found = _in_time(provider, lambda: by_token(provider, spec.token))
        if [resource.id for resource in found] != [made.id]:
            broken(expected=f"{made.id}, once, with its token", found=found)

    @check("what a lagging list leaves out appears within the listing delay", tests="list_resources")
    def test_list_finds_it_after_a_lag(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven
    ) -> None:
        """Lets the cloud's list lag half as long as `listing_delay_s` says it may."""
        if not provider.listing_delay_s:
            not_applicable("its list never lags: listing_delay_s is 0")
        fake.set_listing_lag(provider.listing_delay_s / 2)
        spec = launch.spec()
        made = provider.create_resource(spec)
        found = _in_time(provider, lambda: by_token(provider, spec.token))
        if [resource.id for resource in found] != [made.id]:
            broken(expected=f"{made.id} within {provider.listing_delay_s:g} s", found=found)

    @check("a token makes one machine while the list still lags", tests="create_resource")
    def test_create_is_idempotent_while_the_list_lags(
        self, provider: TrainingProvider, launch: Launcher, fake: Driven
    ) -> None:
        """Creates twice with one token before the list can show the first."""
        if not provider.listing_delay_s:
            not_applicable("its list never lags: listing_delay_s is 0")
        fake.set_listing_lag(provider.listing_delay_s / 2)
        spec = launch.spec()
        first, second = provider.create_resource(spec), provider.create_resource(spec)
        if first.id != second.id or len(fake.alive(spec.token)) != 1:
            broken(expected=f"one machine, {first.id}", found=fake.alive(spec.token))

    @check("a list that could not be completed raises", tests="list_resources")
    def test_a_failed_list_raises(self, provider: TrainingProvider, machine: Resource, fake: Driven) -> None:
        """Breaks the list's call for good: an empty list would make runctl forget a machine that costs."""
        fake.inject(Operation.LIST, Fault.SERVER_ERROR, times=20)
        try:
            raised(ProviderUnavailable, lambda: list(provider.list_resources()), when="of a broken list")
        finally:
            fake.clear_faults()
        if listed(provider, machine.id) is None:
            broken(expected=f"{machine.id} listed when the cloud answers again", found="it is not")

    @check("a list that broke at its second page raises", tests="list_resources")
    def test_a_list_that_breaks_in_its_middle_raises(self, provider: TrainingProvider, fake: Driven) -> None:
        """Fills several pages, breaks a later page for good, and takes no part for the whole."""
        ids = {fake.add_foreign() for _ in range(_MANY)}
        fake.inject(Operation.LIST, Fault.SERVER_ERROR, times=20, after=1)
        try:
            found = {resource.id for resource in provider.list_resources()}
        except ProviderUnavailable:
            return
        finally:
            fake.clear_faults()
        if missing := ids - found:
            broken(
                expected="every machine, or an error",
                found=f"{len(found)} of them; {len(missing)} are left out",
            )

    @check("the list is whole, however many there are", tests="list_resources")
    def test_list_is_whole(self, provider: TrainingProvider, fake: Driven) -> None:
        """Adds as many machines as no page holds, and looks for each."""
        ids = {fake.add_foreign() for _ in range(_MANY)}
        found = [resource.id for resource in provider.list_resources()]
        if missing := ids - set(found):
            broken(expected=f"all of {len(ids)} machines", found=f"{len(missing)} are left out")
        if len(found) != len(set(found)):
            broken(expected="each machine once", found="some are listed twice")

    @check("a machine that runctl did not make is listed, and is not managed", tests="list_resources")
    def test_foreign_machines_are_listed_and_not_managed(
        self, provider: TrainingProvider, fake: Driven
    ) -> None:
        """Adds a machine behind the provider's back."""
        foreign = fake.add_foreign()
        found = listed(provider, foreign)
        if found is None:
            broken(expected=f"{foreign}: it costs money too", found="it is not listed")
        if found.managed or found.token:
            broken(expected=f"{foreign} not managed: runctl must never delete it", found=found)

    @check("a listed machine carries the tags that it was created with", tests="list_resources")
    def test_a_listed_machine_carries_its_tags(self, provider: TrainingProvider, launch: Launcher) -> None:
        """Compares every tag in the list with what was asked for."""
        spec = launch.spec()
        made = provider.create_resource(spec)
        found = _in_time(provider, lambda: listed(provider, made.id))
        if found is None or not found.managed or any(found.tags.get(k) != v for k, v in spec.tags.items()):
            broken(expected=f"managed, with the tags {dict(spec.tags)}", found=found)

    @check("list and get tell the same of a machine", tests=("list_resources", "get_resource"))
    def test_list_and_get_agree(self, provider: TrainingProvider, machine: Resource) -> None:
        """Compares what does not change by itself."""
        one = provider.get_resource(machine.id)
        other = _in_time(provider, lambda: listed(provider, machine.id))
        if other is None or _lasting(one) != _lasting(other):
            broken(expected=f"the same from both: {_lasting(one)}", found=other and _lasting(other))

    @check("an id is the same from create, get and list", tests=("create_resource", "get_resource"))
    def test_ids_are_stable(self, provider: TrainingProvider, launch: Launcher, fake: Driven) -> None:
        """Follows a machine's id from its creation to the moment when it is ready."""
        made = launch()
        if provider.get_resource(made.id).id != made.id or fake.machine(made.id) is None:
            broken(expected=f"{made.id} everywhere", found=[m.id for m in fake.machines()])

    @check("a resource names its provider", tests="list_resources")
    def test_resources_name_their_provider(
        self, provider: TrainingProvider, machine: Resource, info: ProviderInfo
    ) -> None:
        """Compares `provider` of everything that is listed with the plugin's name."""
        for resource in [machine, *provider.list_resources()]:
            if resource.provider != info.name:
                broken(expected=f"provider {info.name!r}", found=resource)

    @check("every state of a machine's life is one of runctl's, and never unknown", tests="get_resource")
    def test_states_are_normalised(self, provider: TrainingProvider, launch: Launcher) -> None:
        """Watches a machine from its creation until it is gone, in the list and by itself."""
        seen: list[object] = []
        made = launch()
        seen.append(made.state)
        ready = launch.ready()
        seen += [ready.state, *(r.state for r in provider.list_resources() if r.managed)]
        provider.terminate_resource(made.id)

        def gone() -> bool:
            seen.extend(r.state for r in provider.list_resources() if r.id == made.id)
            return is_gone(provider, made.id)

        until(gone, expected=f"{made.id} gone", timeout_s=self.ready_s)
        usual = set(ResourceState) - {ResourceState.UNKNOWN, ResourceState.ERROR}
        if strange := [state for state in seen if state not in usual]:
            broken(expected=f"one of {', '.join(sorted(usual))}", found=f"{strange} among {seen}")

    @check("a machine becomes ready, and says so", tests="get_resource")
    def test_a_machine_becomes_ready(self, provider: TrainingProvider, launch: Launcher) -> None:
        """Creates, and asks until it is running: a job could be started there."""
        machine = launch.ready()
        if provider.get_resource(machine.id).state is not ResourceState.RUNNING:
            broken(expected="it stays running", found=provider.get_resource(machine.id))

    @check("a resource that nobody knows is not found", tests="get_resource")
    def test_the_unknown_is_not_found(self, provider: TrainingProvider) -> None:
        """Asks for an id that never was."""
        raised(
            ResourceNotFound,
            lambda: provider.get_resource("no-such-machine-0"),
            when="of an id that never was",
        )

    @check("a machine that vanished is not found, and not listed", tests=("get_resource", "list_resources"))
    def test_a_vanished_machine_is_gone(
        self, provider: TrainingProvider, machine: Resource, fake: Driven
    ) -> None:
        """Takes the machine away without a trace."""
        fake.vanish(machine.id)
        until(lambda: is_gone(provider, machine.id), expected="it is gone", timeout_s=_PATIENCE_S)
        if found := listed(provider, machine.id):
            broken(expected="a vanished machine is not listed as there", found=found)

    @check("a machine that was taken away is gone", needs="spot", tests="get_resource")
    def test_a_preempted_machine_is_gone(
        self, provider: TrainingProvider, machine: Resource, fake: Driven
    ) -> None:
        """Takes the machine away as clouds take spot machines."""
        fake.preempt(machine.id)
        until(lambda: is_gone(provider, machine.id), expected="it is gone", timeout_s=_PATIENCE_S)


def _lasting(resource: Resource) -> tuple[object, ...]:
    return (
        resource.id,
        resource.provider,
        resource.name,
        resource.kind,
        resource.managed,
        dict(resource.tags),
        resource.created_at,
        resource.instance_type,
        resource.gpu,
        resource.gpu_count,
        resource.spot,
    )


def _in_time(provider: TrainingProvider, look: Callable[[], _Answer]) -> _Answer:
    expected = "in the list"
    return until(look, expected=expected, timeout_s=max(1.0, provider.listing_delay_s))
