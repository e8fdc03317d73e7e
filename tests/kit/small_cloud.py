"""A cloud of a few lines for tests of the executor checks: machines are directories, their processes real.

Its machines share no files with us: what reaches them goes through a transport.
"""

from __future__ import annotations

import shutil
import threading
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from attrs import evolve

from runctl_core.api import (
    LocalTransport,
    Offer,
    Price,
    ProviderInfo,
    ProviderUnavailable,
    Resource,
    ResourceNotFound,
    ResourceState,
    RunnerExecutor,
    TrainingProvider,
    Transport,
    Unsupported,
    hookimpl,
)
from runctl_core.sync import send
from runctl_core.testing import CloudUnderTest, Machine


class Wire(LocalTransport):
    """Commands of a machine, with its directory as home; none while the machine is gone."""

    shares_files = False
    read = Transport.read

    def __init__(self, cloud: SmallCloud, machine_id: str) -> None:
        self._cloud, self._id = cloud, machine_id

    def run(self, argv, *, input=b"", timeout_s=None):
        self._cloud.reach(self._id)
        home = str(self._cloud.home(self._id))
        return super().run(["env", f"HOME={home}", *argv], input=input, timeout_s=timeout_s)

    def stream(self, argv, *, cwd=None, env=None):
        self._cloud.reach(self._id)
        return super().stream(argv, cwd=cwd, env=env)

    def put(self, source, target, *, mode=None):
        self._cloud.reach(self._id)
        super().put(source, target, mode=mode)

    def get(self, source, target):
        self._cloud.reach(self._id)
        super().get(source, target)


class SmallCloud(CloudUnderTest):
    """The cloud. `close` ends all that runs on it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self.made: dict[str, Machine] = {}
        self.resources: dict[str, Resource] = {}

    def home(self, machine_id: str) -> Path:
        return self._folder / machine_id

    def reach(self, machine_id: str) -> None:
        if self.made[machine_id].gone:
            raise ProviderUnavailable(f"{machine_id} does not answer", why="connection timed out")

    def create(self, spec) -> Resource:
        with self._lock:
            for resource in self.resources.values():
                if resource.token == spec.token:
                    return resource
            machine_id = f"m-{uuid.uuid4().hex[:8]}"
            self.home(machine_id).mkdir(parents=True)
            self.made[machine_id] = Machine(machine_id, dict(spec.tags), "up", False)
            self.resources[machine_id] = Resource(
                machine_id,
                "small",
                spec.name,
                ResourceState.RUNNING,
                managed=True,
                tags=spec.tags,
                created_at=datetime.now(UTC),
            )
            return self.resources[machine_id]

    def close(self) -> None:
        for machine_id in list(self.made):
            self.vanish(machine_id)

    # As the kit drives it

    def machines(self):
        return list(self.made.values())

    def vanish(self, resource_id):
        with self._lock:
            if self.made[resource_id].gone:
                return
            self.made[resource_id] = evolve(self.made[resource_id], gone=True, state="gone")
            del self.resources[resource_id]
        RunnerExecutor(LocalTransport(), str(self.home(resource_id) / "jobs")).destroy()
        shutil.rmtree(self.home(resource_id), ignore_errors=True)

    def preempt(self, resource_id, *, notice_s=0.0):
        self.vanish(resource_id)

    def pending_faults(self):
        return 0

    def clear_faults(self):
        return None

    def _cannot(self, *_args, **_options):
        raise Unsupported("the small cloud cannot do that", why="it is for tests of executors")

    inject = add_foreign = set_listing_lag = skew_clock = _cannot
    secrets = ()
    replay = "no chance is in it"


class SmallExecutor(RunnerExecutor):
    """Jobs of one machine."""

    def __init__(self, cloud: SmallCloud, machine_id: str) -> None:
        self._wire = Wire(cloud, machine_id)
        super().__init__(self._wire, str(cloud.home(machine_id) / "jobs"))
        self._code = str(cloud.home(machine_id) / "code")

    def sync(self, code, **options):
        return send(self._wire, code, self._code).tree


class SmallProvider(TrainingProvider):
    """Makes machines of the small cloud."""

    def __init__(self, cloud: SmallCloud) -> None:
        self.cloud = cloud

    def offers(self, request):
        return [Offer("small", "one", Price(Decimal(1)))] if not request.gpu else []

    def create_resource(self, spec):
        return self.cloud.create(spec)

    def get_resource(self, resource_id):
        try:
            return self.cloud.resources[resource_id]
        except KeyError as error:
            raise ResourceNotFound(f"there is no {resource_id}") from error

    def list_resources(self):
        return list(self.cloud.resources.values())

    def terminate_resource(self, resource_id):
        if resource_id in self.cloud.made:
            self.cloud.vanish(resource_id)

    def executor(self, resource):
        return SmallExecutor(self.cloud, resource.id)


@hookimpl
def runctl_provider():
    return ProviderInfo("small", "A small cloud", SmallProvider)
