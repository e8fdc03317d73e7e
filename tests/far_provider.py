"""A provider of a test: machines that do not share this computer's files, and that may be out of reach.

Each machine is a folder with a home of its own, where commands really run. A file named `cut` in the cloud's
folder is a connection that is down.
"""

from __future__ import annotations

import json
from pathlib import Path

from homes import Home

_SOURCE = """
import decimal, json, os, pathlib, resource, shutil, subprocess
from runctl_core import api
from runctl_core.transport.local import LocalTransport

ROOT = pathlib.Path(os.environ["FAR_CLOUD"])
PRICE = api.Price(decimal.Decimal(1), source="test")


class Way(LocalTransport):
    shares_files = False

    def __init__(self, home):
        self.home = home

    def _reach(self):
        if (ROOT / "cut").exists():
            raise api.ProviderUnavailable("the connection is down")
        if not self.home.exists():
            raise api.ProviderUnavailable("nothing answers at this address")

    def run(self, argv, *, input=b"", timeout_s=None):
        self._reach()
        data = input if isinstance(input, bytes) else b"".join(input)
        env = {"HOME": str(self.home), "PATH": (ROOT / "path").read_text()}
        ways = {"capture_output": True, "timeout": timeout_s, "env": env, "cwd": self.home}
        if (ROOT / "room").exists():
            room = int((ROOT / "room").read_text())
            ways["preexec_fn"] = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        try:
            done = subprocess.run(argv, input=data, **ways)
        except FileNotFoundError as error:
            return api.Completed(127, b"", str(error).encode())
        status = done.returncode if done.returncode >= 0 else 128 - done.returncode
        return api.Completed(status, done.stdout, done.stderr)

    def put(self, source, target, *, mode=None):
        self._reach()
        super().put(source, target, mode=mode)

    def get(self, source, target):
        self._reach()
        with (ROOT / "gets").open("a") as file:
            file.write(source + "\\n")
        super().get(source, target)

    def read(self, path, offset, limit):
        self._reach()
        return super().read(path, offset, limit)


class Far(api.TrainingProvider):
    def offers(self, request):
        (ROOT / "asked").touch()
        return [api.Offer("far", "box", PRICE)]

    def create_resource(self, spec):
        home = ROOT / "machines" / spec.name
        home.mkdir(parents=True)
        (home / "tags.json").write_text(json.dumps(dict(spec.tags)))
        return self._machine(spec.name, api.ResourceState.STARTING)  # its address is known a look later

    def get_resource(self, resource_id):
        return self._machine(resource_id, api.ResourceState.RUNNING)

    def _machine(self, resource_id, state):
        try:
            tags = json.loads((ROOT / "machines" / resource_id / "tags.json").read_text())
        except FileNotFoundError:
            raise api.ResourceNotFound(f"no {resource_id}")
        more = {"tags": tags, "managed": True, "price": PRICE}
        return api.Resource(resource_id, "far", resource_id, state, **more)

    def list_resources(self):
        folder = ROOT / "machines"
        return [self.get_resource(name) for name in os.listdir(folder)] if folder.exists() else []

    def terminate_resource(self, resource_id):
        home = ROOT / "machines" / resource_id
        if home.exists():
            api.RunnerExecutor(LocalTransport(), str(home / ".runctl" / "far")).destroy()
            shutil.rmtree(home)

    def executor(self, resource):
        if resource.state is api.ResourceState.STARTING:
            raise api.InvalidRequest("it has no address yet")
        return api.RunnerExecutor(Way(ROOT / "machines" / resource.id), "~/.runctl/far")


@api.hookimpl
def runctl_provider():
    lacks = json.loads((ROOT / "lacks").read_text())
    return api.ProviderInfo("far", "Far away", lambda _: Far(), None, lacks)
"""


class FarCloud:
    """The cloud behind the provider `far`, installed for a home."""

    def __init__(self, home: Home) -> None:
        self.root = home.root / "cloud"
        self.root.mkdir()
        self.path(home.env["PATH"])
        self.lacks(spot="nobody is sent away")
        folder = home.root / "plugins"
        metadata = folder / "runctl_far-1.0.dist-info"
        metadata.mkdir(parents=True)
        (folder / "runctl_far.py").write_text(_SOURCE)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: runctl-far\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text("[runctl.providers]\nfar = runctl_far\n")
        home.env |= {"PYTHONPATH": str(folder), "FAR_CLOUD": str(self.root), "RUNCTL_PROVIDER": "far"}

    def path(self, path: str) -> None:
        """Which programs the machines have."""
        (self.root / "path").write_text(path)

    def room(self, size_bytes: int) -> None:
        """Let the machines have no room for a file that is larger."""
        (self.root / "room").write_text(str(size_bytes))

    def lacks(self, **reasons: str) -> None:
        """What the provider says that it lacks, each with its reason."""
        (self.root / "lacks").write_text(json.dumps(reasons))

    def cut(self) -> None:
        """Let no connection be made any more."""
        (self.root / "cut").touch()

    def mend(self) -> None:
        """Let connections be made again."""
        (self.root / "cut").unlink()

    def machines(self) -> list[Path]:
        """The homes of the machines that are there."""
        folder = self.root / "machines"
        return sorted(folder.iterdir()) if folder.exists() else []

    def fetched(self) -> list[str]:
        """What was copied home, in order."""
        file = self.root / "gets"
        return file.read_text().splitlines() if file.exists() else []
