"""A whole provider, as an author writes one. Its machines are folders of this computer.

A machine is a file that appears whole, under a name made of the token: a second call with the token
finds it, and a crash at any line leaves either nothing, or a machine that the listing shows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from mycloud.settings import Settings
from runctl_core.api import (
    UNKNOWN_PRICE,
    JobExecutor,
    LaunchSpec,
    LocalTransport,
    Offer,
    Price,
    Resource,
    ResourceNotFound,
    ResourceRequest,
    ResourceState,
    RunnerExecutor,
    TrainingProvider,
    state_dir,
)


class MyCloud(TrainingProvider):
    """Machines of one size, without a GPU."""

    shares_files = True

    def __init__(self, settings: Settings) -> None:
        self._folder = Path(settings.folder or f"{state_dir()}/mycloud")
        usd = settings.hourly_usd
        self._price = UNKNOWN_PRICE if usd is None else Price(usd, source="settings")

    def offers(self, request: ResourceRequest) -> Iterable[Offer]:
        """The one size, to whoever wants nothing else."""
        offer = Offer("mycloud", "small", self._price)
        fits = request.instance_type in (None, offer.name) and not (
            request.gpu or request.vcpus or request.memory_bytes or request.spot or request.region
        )
        return [offer] if fits else []

    def create_resource(self, spec: LaunchSpec) -> Resource:
        """Write the machine's file, or find the one that a first call wrote."""
        name = f"my-{spec.token}"
        file = self._file(name)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(".part")
            part.write_text(json.dumps({"name": spec.name, "tags": dict(spec.tags)}))
            os.replace(part, file)
        return self.get_resource(name)

    def get_resource(self, resource_id: str) -> Resource:
        """Read the machine's file."""
        try:
            machine = json.loads(self._file(resource_id).read_text())
        except FileNotFoundError as error:
            raise ResourceNotFound(f"there is no machine {resource_id}", fix="runctl ps") from error
        return Resource(
            id=resource_id,
            provider="mycloud",
            name=machine["name"],
            state=ResourceState.RUNNING,
            managed=True,
            tags=machine["tags"],
            price=self._price,
            instance_type="small",
        )

    def list_resources(self) -> Iterable[Resource]:
        """Every machine."""
        return [self.get_resource(file.stem) for file in sorted(self._folder.glob("my-*.json"))]

    def terminate_resource(self, resource_id: str) -> None:
        """End its jobs, then let its file go."""
        if self._file(resource_id).exists():
            self._executor(resource_id).destroy()
            self._file(resource_id).unlink(missing_ok=True)

    def executor(self, resource: Resource) -> JobExecutor:
        """Jobs run in a folder beside the file."""
        return self._executor(resource.id)

    def _executor(self, resource_id: str) -> RunnerExecutor:
        return RunnerExecutor(LocalTransport(), str(self._folder / resource_id))

    def _file(self, resource_id: str) -> Path:
        return self._folder / f"{resource_id}.json"
