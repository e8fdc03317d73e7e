"""A provider whose machines share no files: folders with a home of their own, kept in `$ELSEWHERE_DIR`.

`elsewhere` is its plugin. Every process sees the same cloud. A file `unreachable` in the folder makes its
machines so; `no-python` takes their Python away.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from runctl_core import api

PRICE = api.Price(Decimal("0.36"), source="test")


class Wire(api.LocalTransport):
    """Commands of a machine, with its folder as home, as if it were far away."""

    shares_files = False
    read = api.Transport.read

    def __init__(self, cloud: Path, name: str) -> None:
        self._cloud, self._home = cloud, cloud / name

    def run(
        self, argv: Sequence[str], *, input: bytes | Iterable[bytes] = b"", timeout_s: float | None = None
    ) -> api.Completed:
        self._reach()
        if argv[0] == "python3" and (self._cloud / "no-python").exists():
            return api.Completed(127, b"", b"sh: python3: not found\n")
        return super().run(["env", f"HOME={self._home}", *argv], input=input, timeout_s=timeout_s)

    def stream(
        self, argv: Sequence[str], *, cwd: str | None = None, env: Mapping[str, str] | None = None
    ) -> int:
        self._reach()
        return super().stream(argv, cwd=cwd, env=env)

    def put(self, source: str, target: str, *, mode: int | None = None) -> None:
        self._reach()
        super().put(source, target, mode=mode)

    def get(self, source: str, target: str) -> None:
        self._reach()
        super().get(source, target)

    def _reach(self) -> None:
        if (self._cloud / "unreachable").exists() or not self._home.exists():
            raise api.ProviderUnavailable("the machine does not answer", why="connection timed out")


class Elsewhere(api.TrainingProvider):
    """Keeps every promise of the contract; a machine runs from its second look on."""

    def __init__(self, _settings: object) -> None:
        self.cloud = Path(os.environ["ELSEWHERE_DIR"])

    def offers(self, request: api.ResourceRequest) -> list[api.Offer]:
        return [api.Offer("elsewhere", "small", PRICE)]

    def create_resource(self, spec: api.LaunchSpec) -> api.Resource:
        for resource in self.list_resources():
            if resource.token == spec.token:
                return resource
        coming = self.cloud / f".{spec.name}"
        coming.mkdir(parents=True)
        made = {"tags": dict(spec.tags), "at": datetime.now(UTC).isoformat()}
        (coming / "machine.json").write_text(json.dumps(made))
        coming.rename(self.cloud / spec.name)
        return self._read(spec.name, api.ResourceState.STARTING)

    def get_resource(self, resource_id: str) -> api.Resource:
        return self._read(resource_id, api.ResourceState.RUNNING)

    def list_resources(self) -> list[api.Resource]:
        names = [path.parent.name for path in self.cloud.glob("[!.]*/machine.json")]
        return [self.get_resource(name) for name in names]

    def terminate_resource(self, resource_id: str) -> None:
        home = self.cloud / resource_id
        if home.exists():
            api.RunnerExecutor(api.LocalTransport(), str(home / ".runctl")).destroy()
            home.rename(going := self.cloud / f".gone-{resource_id}")
            shutil.rmtree(going)

    def executor(self, resource: api.Resource) -> api.JobExecutor:
        return api.RunnerExecutor(Wire(self.cloud, resource.id), "~/.runctl")

    def _read(self, name: str, state: api.ResourceState) -> api.Resource:
        try:
            made = json.loads((self.cloud / name / "machine.json").read_text())
        except OSError:
            raise api.ResourceNotFound(f"elsewhere has no {name}") from None
        at = datetime.fromisoformat(made["at"])
        return api.Resource(
            name, "elsewhere", name, state, managed=True, tags=made["tags"], price=PRICE, created_at=at
        )


@api.hookimpl
def runctl_provider() -> api.ProviderInfo:
    """Describe it."""
    return api.ProviderInfo("elsewhere", "Folders elsewhere", Elsewhere, unsupported={"spot": "it is yours"})
