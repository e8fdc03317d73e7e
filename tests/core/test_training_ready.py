"""A machine that is starting is waited for; one that goes away meanwhile is given up, and nothing is left."""

from __future__ import annotations

import pytest
from attrs import evolve

from core.fake_cloud import Cloud, CloudProvider
from runctl_core.errors import CapacityError, Refused, Scope
from runctl_core.models.resources import Resource, ResourceState
from runctl_core.training.ready import wait_until_up


class Telling:
    """What waiting needs of an engine: the books know nothing of the machine."""

    def __init__(self, cloud: Cloud) -> None:
        self.notes: list[str] = []
        self.reporter = self
        self.tracker = self
        self.clock = cloud.clock

    def note(self, text: str) -> None:
        self.notes.append(text)

    def tell(self, method, *what) -> None:
        method(*what)

    def resource(self, provider: str, resource_id: str) -> None:
        return None


def starting(cloud: Cloud) -> Resource:
    """A machine of the cloud that is starting."""
    from runctl_core.models.resources import LaunchSpec

    made = CloudProvider(cloud).create_resource(LaunchSpec("t", "box", cloud.offers[0], {}))
    cloud.machines[made.id].resource = evolve(made, state=ResourceState.STARTING)
    return cloud.machines[made.id].resource


def test_a_machine_is_used_as_it_is_when_it_runs() -> None:
    cloud, looks = Cloud(), 0
    machine = starting(cloud)

    def sleep(_seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            cloud.machines[machine.id].resource = evolve(machine, state=ResourceState.RUNNING, note="address")

    engine = Telling(cloud)
    up = wait_until_up(engine, CloudProvider(cloud), machine, sleep=sleep)
    assert (up.state, up.note, looks) == (ResourceState.RUNNING, "address", 3)
    assert engine.notes == ["box is starting"]


@pytest.mark.parametrize("state", [ResourceState.ERROR, ResourceState.TERMINATED])
def test_a_machine_that_does_not_come_up_lets_another_offer_be_tried(state: ResourceState) -> None:
    cloud = Cloud()
    machine = starting(cloud)

    def sleep(_seconds: float) -> None:
        cloud.machines[machine.id].resource = evolve(machine, state=state)

    with pytest.raises(CapacityError) as caught:
        wait_until_up(Telling(cloud), CloudProvider(cloud), machine, sleep=sleep)
    assert caught.value.scope is Scope.OFFER


def test_a_machine_that_went_away_is_not_waited_for() -> None:
    cloud = Cloud()
    machine = starting(cloud)

    def sleep(_seconds: float) -> None:
        cloud.machines[machine.id].gone = True

    with pytest.raises(CapacityError, match="cannot be used"):
        wait_until_up(Telling(cloud), CloudProvider(cloud), machine, sleep=sleep)


def test_a_machine_that_nobody_waits_for_any_more_is_not_waited_for() -> None:
    cloud = Cloud()

    def over() -> None:
        raise Refused("the deadline is past")

    with pytest.raises(Refused):
        wait_until_up(Telling(cloud), CloudProvider(cloud), starting(cloud), check=over, sleep=cloud.wait)
    assert cloud.now == Cloud().now, "time was paid for that nobody wanted"
