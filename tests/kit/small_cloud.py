"""A cloud of a few lines to hold the kit against: its machines are directories, their processes real.

It is none of the kit's own fakes, and stands for the one that an author brings. It also lets a provider do
what those do not: tag a machine afterwards, and end one without its processes.

`SmallCloud` is driven by the kit; its plain methods are what a client library would have. A machine shares
no files with us: `Wire` is the way to it.
"""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from runctl_core.api import LocalTransport, ProviderUnavailable, RunnerExecutor, Transport
from runctl_core.testing import CloudUnderTest, Fault, Machine, Operation

KEY = "small-key-8f14e45fceea"
PAGE = 10
TYPES = {
    # name: (USD an hour, GPU, how many, processors, GiB)
    "small-1": ("0.10", None, 0, 2, 8),
    "small-4": ("0.40", None, 0, 4, 16),
    "small-gpu": ("2.00", "A100", 1, 8, 64),
    "small-gpu-2": ("4.00", "A100", 2, 16, 128),
}
REGIONS = ("east", "west")


class CloudError(Exception):
    """What the cloud's client raises."""

    def __init__(self, code: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"the small cloud says {code}")
        self.code, self.retry_after_s = code, retry_after_s


@frozen
class Instance:
    """A machine as the cloud's client shows it."""

    id: str
    name: str
    type: str
    region: str
    spot: bool
    tags: dict[str, str]
    created_at: datetime
    state: str = "up"
    shown_at: float = field(default=0.0, repr=False)


class SmallCloud(CloudUnderTest):
    """The cloud. `close` ends all that runs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._lock = folder, threading.RLock()
        self._machines: dict[str, Instance] = {}
        self._faults: list[tuple[Operation, Fault, int]] = []
        self._lag_s, self._skew = 0.0, timedelta()

    # What a client library has

    def offers(self) -> list[dict[str, Any]]:
        with self._lock:
            self._lose(self._fail(Operation.OFFERS))
            names = ("usd", "gpu", "gpus", "vcpus", "gib")
            rows = [{"type": name, **dict(zip(names, row, strict=True))} for name, row in TYPES.items()]
            return [{**row, "region": r, "spot": s} for row in rows for r in REGIONS for s in (False, True)]

    def create(
        self, token: str, name: str, type: str, region: str, spot: bool, tags: dict[str, str]
    ) -> Instance:
        """The same token makes no second machine."""
        with self._lock:
            after = self._fail(Operation.CREATE)
            known = next((m for m in self._machines.values() if m.id == f"m-{token}"), None)
            made = known or Instance(
                f"m-{token}",
                name,
                type,
                region,
                spot,
                dict(tags),
                datetime.now(UTC) + self._skew,
                shown_at=time.monotonic() + self._lag_s,
            )
            self._machines[made.id] = made
            self.home(made.id).mkdir(parents=True, exist_ok=True)
            self._lose(after)
            return made

    def get(self, machine_id: str) -> Instance:
        with self._lock:
            self._lose(self._fail(Operation.GET))
            return self._known(machine_id)

    def list(self, page: int = 0) -> list[Instance]:
        """One page; an empty one is behind the last."""
        with self._lock:
            self._lose(self._fail(Operation.LIST))
            shown = [m for m in self._machines.values() if m.state != "gone" and _shown(m)]
            return shown[page * PAGE : (page + 1) * PAGE]

    def terminate(self, machine_id: str) -> None:
        with self._lock:
            after = self._fail(Operation.TERMINATE)
            self._known(machine_id)
            self.vanish(machine_id)
            self._lose(after)

    def stop(self, machine_id: str) -> None:
        with self._lock:
            self._fail(Operation.STOP)
            self._machines[machine_id] = evolve(self._known(machine_id), state="halted")

    def start(self, machine_id: str) -> None:
        with self._lock:
            self._fail(Operation.START)
            self._machines[machine_id] = evolve(self._known(machine_id), state="up")

    def tag(self, machine_id: str, tags: dict[str, str]) -> None:
        """Tag a machine afterwards, as clouds let one do, and providers should not."""
        with self._lock:
            self._machines[machine_id] = evolve(self._known(machine_id), tags=tags)

    def leave(self, machine_id: str) -> None:
        """End a machine, and let what runs on it run on."""
        with self._lock:
            self._machines[machine_id] = evolve(self._known(machine_id), state="gone")

    def _known(self, machine_id: str) -> Instance:
        machine = self._machines.get(machine_id)
        if machine is None or machine.state == "gone":
            raise CloudError("not_found")
        return machine

    # Its machines

    def home(self, machine_id: str) -> Path:
        return self.folder / machine_id

    def wire(self, machine_id: str) -> Wire:
        return Wire(self, machine_id)

    def reach(self, machine_id: str) -> None:
        if self._machines[machine_id].state != "up":
            raise ProviderUnavailable(f"{machine_id} does not answer", why="connection timed out")

    def close(self) -> None:
        for machine_id in list(self._machines):
            self.vanish(machine_id)

    # Faults

    def _fail(self, operation: Operation) -> Fault | None:
        """Raise what was injected; what only strikes after the call is returned."""
        for number, (wanted, fault, after) in enumerate(self._faults):
            if wanted is not operation:
                continue
            if after:
                self._faults[number] = (wanted, fault, after - 1)
                return None
            del self._faults[number]
            if fault in (Fault.REPLY_LOST, Fault.GARBLED):
                return fault
            limited = fault is Fault.RATE_LIMIT
            raise CloudError(fault.value, 3.0 if limited else None)
        return None

    @staticmethod
    def _lose(fault: Fault | None) -> None:
        if fault:
            raise CloudError(fault.value)

    # As the kit drives it

    def machines(self):
        gone = [(m, m.state == "gone") for m in self._machines.values()]
        return [Machine(m.id, m.tags, m.state, is_gone) for m, is_gone in gone]

    def inject(self, operation, fault, *, times=1, after=0):
        with self._lock:
            self._faults += [(operation, fault, after if n == 0 else 0) for n in range(times)]

    def pending_faults(self):
        return len(self._faults)

    def clear_faults(self):
        with self._lock:
            self._faults.clear()

    def add_foreign(self):
        token = uuid.uuid4().hex[:8]
        with self._lock:
            made = Instance(f"m-{token}", "foreign", "small-1", "east", False, {}, datetime.now(UTC))
            self._machines[made.id] = made
            return made.id

    def set_listing_lag(self, seconds):
        self._lag_s = seconds

    def vanish(self, resource_id):
        with self._lock:
            self._machines[resource_id] = evolve(self._machines[resource_id], state="gone")
        RunnerExecutor(LocalTransport(), str(self.home(resource_id) / "jobs")).destroy()
        shutil.rmtree(self.home(resource_id), ignore_errors=True)

    def preempt(self, resource_id, *, notice_s=0.0):
        self.vanish(resource_id)

    def skew_clock(self, seconds):
        self._skew = timedelta(seconds=seconds)

    secrets = (KEY,)
    replay = "no chance is in the small cloud"


def _shown(machine: Instance) -> bool:
    return time.monotonic() >= machine.shown_at


class Wire(LocalTransport):
    """The way to a machine, which has its directory as home; none while it is stopped or gone."""

    shares_files = False
    read = Transport.read

    def __init__(self, cloud: SmallCloud, machine_id: str) -> None:
        self._cloud, self._id = cloud, machine_id

    def run(self, argv, *, input=b"", timeout_s=None):
        self._cloud.reach(self._id)
        home = ["env", f"HOME={self._cloud.home(self._id)}"]
        return super().run([*home, *argv], input=input, timeout_s=timeout_s)

    def stream(self, argv, *, cwd=None, env=None):
        self._cloud.reach(self._id)
        return super().stream(argv, cwd=cwd, env=env)

    def put(self, source, target, *, mode=None):
        self._cloud.reach(self._id)
        super().put(source, target, mode=mode)

    def get(self, source, target):
        self._cloud.reach(self._id)
        super().get(source, target)
