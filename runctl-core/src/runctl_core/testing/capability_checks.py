"""Checks of capabilities: what is claimed works, and what is declared absent refuses, with its reason."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from runctl_core.errors import ResourceNotFound, RunctlError, Unsupported
from runctl_core.models.resources import Offer, Resource, ResourceRequest, ResourceState
from runctl_core.provider import ProviderInfo, Stoppable, TrainingProvider
from runctl_core.testing.check import BrokenPromise, broken, check
from runctl_core.testing.driven import Driven, not_applicable
from runctl_core.testing.expect import raised, until
from runctl_core.testing.fixtures import Fixtures
from runctl_core.testing.launcher import Launcher

_IMAGE = "kit-image"


def _absent(info: ProviderInfo, capability: str) -> str:
    """The reason why the provider lacks a capability; ends the check when it claims it."""
    if capability not in info.unsupported:
        not_applicable(f"the provider has {capability}")
    return info.unsupported[capability]


def _refuses(call: Callable[[], object], reason: str, *, what: str) -> None:
    """Raises BrokenPromise unless a call is refused with `Unsupported` and its reason."""
    __tracebackhide__ = True
    error = raised(Unsupported, call, when=f"of {what}, which is declared absent")
    if reason not in error.summary:
        broken(expected=f"the declared reason: {reason}", found=error.summary)


class CapabilityChecks(Fixtures):
    """Spot, stop, image and region, claimed or declared absent."""

    image: str = _IMAGE
    """The name of an image that the cloud knows."""

    @check("who asks for spot is offered spot machines, and those alone", needs="spot", tests="offers")
    def test_spot_is_offered(self, provider: TrainingProvider) -> None:
        """Asks for machines that may be taken away."""
        found = list(provider.offers(ResourceRequest(spot=True)))
        if not found or not all(offer.spot for offer in found):
            broken(expected="offers, each of them spot", found=found)

    @check("a spot machine is told as one", needs="spot", tests="create_resource")
    def test_a_spot_machine_is_spot(self, provider: TrainingProvider, launch: Launcher) -> None:
        """Launches a spot offer, and looks at the machine."""
        offer = next(iter(provider.offers(ResourceRequest(spot=True))), None)
        if offer is None:
            broken(expected="an offer of a spot machine", found="none")
        made = provider.get_resource(launch(offer=offer).id)
        if not made.spot:
            broken(expected="a machine with spot=True", found=made)

    @check("spot that is declared absent is offered to nobody", tests="offers")
    def test_absent_spot_is_offered_to_nobody(self, provider: TrainingProvider, info: ProviderInfo) -> None:
        """Asks for spot: nothing, or `Unsupported` with the reason; never something else silently."""
        reason = _absent(info, "spot")
        _offers_nothing(provider, ResourceRequest(spot=True), reason)

    @check("a spot machine of who declares spot absent is refused", tests="create_resource")
    def test_absent_spot_is_refused(
        self, provider: TrainingProvider, info: ProviderInfo, launch: Launcher, offer: Offer, fake: Driven
    ) -> None:
        """Launches the offer as if it were spot. An on-demand machine in its place costs more."""
        reason = _absent(info, "spot")
        spec = launch.spec(offer=evolve(offer, spot=True))
        _refuses(lambda: provider.create_resource(spec), reason, what="a spot machine")
        _nothing_made(fake, spec.token)

    @check("only machines in the wanted region are offered", needs="region", tests="offers")
    def test_offers_honour_the_region(self, provider: TrainingProvider) -> None:
        """Asks for each region that is offered, and for one that nobody has."""
        regions = {offer.region for offer in provider.offers(ResourceRequest())}
        if "" in regions or not regions:
            broken(expected="a region in every offer", found=f"regions: {sorted(regions)}")
        for region in sorted(regions):
            found = list(provider.offers(ResourceRequest(region=region)))
            if not found or any(offer.region != region for offer in found):
                broken(expected=f"offers in {region}, and those alone", found=found)
        if found := list(provider.offers(ResourceRequest(region="no-such-region"))):
            broken(expected="nothing in a region that nobody has", found=found)

    @check("a machine is where its offer said", needs="region", tests="create_resource")
    def test_a_machine_is_in_its_region(self, provider: TrainingProvider, launch: Launcher) -> None:
        """Launches an offer, and compares region and zone."""
        spec = launch.spec()
        made = provider.create_resource(spec)
        zone = spec.offer.zone or made.zone
        if (made.region, made.zone) != (spec.offer.region, zone):
            broken(expected=f"{spec.offer.region} {spec.offer.zone}", found=f"{made.region} {made.zone}")

    @check("a region asked of who declares regions absent is offered nothing", tests="offers")
    def test_absent_regions_are_offered_to_nobody(
        self, provider: TrainingProvider, info: ProviderInfo
    ) -> None:
        """Asks for a region: nothing, or `Unsupported` with the reason."""
        _offers_nothing(provider, ResourceRequest(region="anywhere"), _absent(info, "region"))

    @check("a machine is made from the image that was named", needs="image", tests="create_resource")
    def test_an_image_is_used(self, provider: TrainingProvider, launch: Launcher) -> None:
        """Launches from an image that the cloud knows (`image` of the suite)."""
        made = launch(image=self.image)
        if provider.get_resource(made.id).id != made.id:
            broken(expected="a machine from the image", found=made)

    @check("an image given to who declares images absent is refused", tests="create_resource")
    def test_an_absent_image_is_refused(
        self, provider: TrainingProvider, info: ProviderInfo, launch: Launcher, fake: Driven
    ) -> None:
        """Launches with an image: it may not be left out silently."""
        reason = _absent(info, "image")
        spec = launch.spec(image=self.image)
        _refuses(lambda: provider.create_resource(spec), reason, what="an image")
        _nothing_made(fake, spec.token)

    @check("a machine can be stopped and started again", needs="stop", tests="stop_resource")
    def test_a_machine_stops_and_starts(self, provider: TrainingProvider, machine: Resource) -> None:
        """Stops a machine, waits until it is, starts it, and waits until it runs."""
        both = _stoppable(provider)
        both.stop_resource(machine.id)
        self._until(provider, machine.id, ResourceState.STOPPED)
        both.start_resource(machine.id)
        self._until(provider, machine.id, ResourceState.RUNNING)

    @check("stopping and starting twice is no error", needs="stop", tests=("stop_resource", "start_resource"))
    def test_stopping_and_starting_twice_is_no_error(
        self, provider: TrainingProvider, machine: Resource
    ) -> None:
        """Starts what runs, stops it twice, and starts it twice."""
        both = _stoppable(provider)
        both.start_resource(machine.id)
        both.stop_resource(machine.id)
        self._until(provider, machine.id, ResourceState.STOPPED)
        both.stop_resource(machine.id)
        both.start_resource(machine.id)
        self._until(provider, machine.id, ResourceState.RUNNING)

    @check("a stopped machine keeps its id and tags, and is listed", needs="stop", tests="list_resources")
    def test_a_stopped_machine_is_listed(self, provider: TrainingProvider, machine: Resource) -> None:
        """Stops a machine: its disks cost money still, so it may not disappear."""
        _stoppable(provider).stop_resource(machine.id)
        self._until(provider, machine.id, ResourceState.STOPPED)
        found = [r for r in provider.list_resources() if r.id == machine.id]
        if len(found) != 1 or dict(found[0].tags) != dict(machine.tags):
            broken(expected=f"{machine.id} with its tags", found=found)

    @check("stopping or starting what nobody knows is not found", needs="stop", tests="stop_resource")
    def test_stopping_the_unknown_is_not_found(self, provider: TrainingProvider) -> None:
        """Stops and starts an id that never was."""
        both = _stoppable(provider)
        for call in (both.stop_resource, both.start_resource):
            raised(ResourceNotFound, lambda call=call: call("no-such-machine-0"), when="of the unknown")  # type: ignore[misc]

    @check("stopping that is declared absent is refused", tests="stop_resource")
    def test_absent_stop_is_refused(
        self, provider: TrainingProvider, info: ProviderInfo, machine: Resource
    ) -> None:
        """A provider without it is not `Stoppable`; one whose class is refuses, with the reason."""
        reason = _absent(info, "stop")
        if isinstance(provider, Stoppable):
            _refuses(lambda: provider.stop_resource(machine.id), reason, what="stopping")
            _refuses(lambda: provider.start_resource(machine.id), reason, what="starting")

    def _until(self, provider: TrainingProvider, resource_id: str, state: ResourceState) -> None:
        until(
            lambda: provider.get_resource(resource_id).state is state,
            expected=f"{resource_id} {state}",
            timeout_s=self.ready_s,
        )


def _stoppable(provider: TrainingProvider) -> Stoppable:
    if not isinstance(provider, Stoppable):
        broken(expected="a Stoppable provider, or `stop` among what is unsupported", found=provider)
    return provider


def _offers_nothing(provider: TrainingProvider, request: ResourceRequest, reason: str) -> None:
    __tracebackhide__ = True
    try:
        found = list(provider.offers(request))
    except Unsupported as error:
        if reason not in error.summary:
            raise BrokenPromise(expected=f"the declared reason: {reason}", found=error.summary) from error
        return
    except RunctlError as error:
        raise BrokenPromise(expected="nothing, or Unsupported", found=error.summary) from error
    if found:
        broken(expected=f"nothing: it is declared absent ({reason})", found=found)


def _nothing_made(fake: Driven, token: str) -> None:
    __tracebackhide__ = True
    if there := fake.alive(token):
        broken(expected="nothing is made by what is refused", found=there)
