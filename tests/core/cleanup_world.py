"""One user's books and a cloud in memory, for the tests of what a cleanup does there."""

from __future__ import annotations

from typing import Any

from attrs import define, evolve, field

from core.cleanup_facts import ME
from core.fake_cloud import Cloud, CloudProvider
from runctl_core.cleanup import Cleaned, Cleanup, CleanupSafety, Lookout, Mode, Plan, Policy
from runctl_core.inventory import take_inventory
from runctl_core.models.money import UNKNOWN_PRICE
from runctl_core.models.resources import LaunchSpec, Offer, ResourceState
from runctl_core.models.runs import Run, RunState
from runctl_core.provider import Stoppable
from runctl_core.tracking import ResourceTracker

OVER = (
    RunState.PROVISIONING,
    RunState.SYNCING,
    RunState.SETTING_UP,
    RunState.RUNNING,
    RunState.COLLECTING,
    RunState.SUCCEEDED,
)
"""The states of a run whose results came home."""


class StoppableCloud(CloudProvider, Stoppable):
    """The cloud, which can stop machines too."""

    def stop_resource(self, resource_id: str) -> None:
        """Stop one."""
        machine = self.cloud.machines[resource_id]
        machine.resource = evolve(machine.resource, state=ResourceState.STOPPED)

    def start_resource(self, resource_id: str) -> None:
        """Start one."""


class Plugins:
    """What plugins say."""

    def __init__(self) -> None:
        self.said: tuple[str, ...] = ()

    def of(self, _: object) -> tuple[str, ...]:
        """The same of every resource."""
        return self.said


@define
class World:
    """One user's books, and a cloud."""

    tracker: ResourceTracker
    cloud: Cloud
    plugins: Plugins = field(factory=Plugins)
    asked: list[str] = field(factory=list)
    can_stop: bool = False

    def open(self, _: str) -> CloudProvider:
        """The cloud as a provider; what it is asked to end is noted."""
        world = self

        class Noted(StoppableCloud if world.can_stop else CloudProvider):  # type: ignore[misc]
            def terminate_resource(self, resource_id: str) -> None:
                world.asked.append(resource_id)
                super().terminate_resource(resource_id)

        return Noted(self.cloud)

    def machine(self, run: Run | None = None, **tags: str) -> str:
        """A machine of mine."""
        ours = {"runctl:owner": ME} | ({"runctl:run": run.id, "runctl:token": f"{run.id}-1-0"} if run else {})
        name = f"machine-{len(self.cloud.machines)}"
        spec = LaunchSpec(name, name, Offer("cloud", "small", UNKNOWN_PRICE), {**ours, **tags})
        return CloudProvider(self.cloud).create_resource(spec).id

    def run(self, *states: RunState, id: str = "calm-crab-11", **fields: Any) -> Run:
        """A run that went through these states."""
        first = Run(id, "n", "p", ME, "cloud", "s.py", "/", RunState.PLANNED, self.cloud.now, **fields)
        self.tracker.add_run(first, {})
        for state in states:
            assert self.tracker.change_run(id, state, expect=[*RunState]), state
        return self.tracker.run(id)

    @property
    def lookout(self) -> Lookout:
        return Lookout(self.tracker, self.plugins, self.open, owner=ME, timeout_s=0.5)  # type: ignore[arg-type]

    def safety(self) -> CleanupSafety:
        return CleanupSafety(Policy(ME), self.lookout, clock=self.cloud.clock)

    def plan(self, mode: Mode = Mode.CLEANUP) -> Plan:
        """What may go, as it looks in an hour."""
        self.cloud.wait(3600)
        found = take_inventory(self.tracker, ["cloud"], self.open, timeout_s=5, clock=self.cloud.clock)
        return self.safety().plan(found.items, found.problems, mode=mode)

    def carry_out(self, plan: Plan) -> Cleaned:
        return Cleanup(self.tracker, self.open, self.safety(), self.lookout, patience_s=0).carry_out(plan)
