"""The cloud in this process: the calls of its "client library", and what a test does to it.

Calls give rows, the documents of the HTTP API (`docs/reference/fakes.md`), and raise CloudError. A broken
connection is a ConnectionResetError, a reply that never came a TimeoutError, a garbled one a ValueError.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from runctl_core.errors import Unsupported
from runctl_core.testing.cloud import CloudUnderTest, Fault, Machine, Operation
from runctl_core.testing.fakes.catalogue import TYPES, ZONES, MachineType, places
from runctl_core.testing.fakes.clock import CloudClock
from runctl_core.testing.fakes.errors import CloudError
from runctl_core.testing.fakes.machines import Machines
from runctl_core.testing.fakes.records import Record
from runctl_core.testing.fakes.script import FaultScript, possible
from runctl_core.transport import Transport

_Answer = TypeVar("_Answer")
_CARRIED_OUT = (Fault.REPLY_LOST, Fault.GARBLED)


class FakeCloud(CloudUnderTest):
    """A cloud whose machines really run commands. Leave it as a context manager: all that runs ends.

    Args:
        directory: Where the machines' folders are. What an earlier cloud left running in it is ended first.
        seed: Decides what chance decides.
        listing_lag_s: Seconds after which lists show a new machine.
        faults: A script of calls that go wrong, or what `replay` gave; see `FaultScript`.
        clock: The cloud's time; this computer's by default.
        boot_s: How long a machine is `pending`.
        end_s: How long it is `stopping` or `terminating`.

    Attributes:
        quota: How many machines there may be at once; None for any number.
        retry_after_s: What a rate limit says.
        reuse_addresses: Whether a new machine gets the address of the last one that went, with another
            host key.
        struck: Every fault that struck, in order: the operation, the number of its call, the fault.
    """

    def __init__(
        self,
        directory: str | Path,
        *,
        seed: int = 0,
        listing_lag_s: float = 0.0,
        faults: str = "",
        clock: CloudClock | None = None,
        boot_s: float = 0.05,
        end_s: float = 0.05,
    ) -> None:
        self.clock = clock or CloudClock()
        self._machines = Machines(Path(directory), self.clock)
        self._lock = self._machines.lock
        self._script = FaultScript(faults, seed=seed)
        self.api_key = f"fake-key-{self._script.seed:08x}-4d1c7b"
        self.quota: int | None = None
        self.retry_after_s = 1.0
        self.struck: list[tuple[Operation, int, Fault]] = []
        self._full = {(kind.name, zone) for kind in TYPES.values() for zone in kind.full}
        self._protected: set[str] = set()
        self._lag_s, self._skew_s = listing_lag_s, 0.0
        self._boot_s, self._end_s = boot_s, end_s

    def __enter__(self) -> Self:
        """Start."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every machine."""
        self.close()

    def close(self) -> None:
        """End every machine with all that runs in it, and delete its files. Idempotent."""
        self._machines.close()

    # The client library's calls

    def offers(self) -> list[dict[str, Any]]:
        """Every type in every zone, with what an hour costs; `available` says whether one is free."""
        return self._call(Operation.OFFERS, lambda: [self._offer(*place) for place in places()])

    def create(
        self,
        *,
        type: str,
        zone: str,
        name: str,
        token: str | None = None,
        tags: Mapping[str, str] | None = None,
        spot: bool = False,
        ssh_key: str = "",
        image: str | None = None,
        delete_at: datetime | None = None,
        kind: str = "machine",
    ) -> dict[str, Any]:
        """Make a machine. The second call with a token gives what the first one made.

        Args:
            type: Name of a type.
            zone: Where.
            name: A readable name.
            token: The caller's own word for this machine.
            tags: Words for the machine.
            spot: Whether it may be taken away.
            ssh_key: The public key that may enter by SSH; nobody may without one.
            image: Kept, and used for nothing.
            delete_at: When the cloud deletes it by itself.
            kind: `machine`, or `job` for a job service's.

        Raises:
            CloudError: `no_capacity`, `quota`, `invalid`, or what was injected.
        """

        def act() -> dict[str, Any]:
            for record in self._machines.all():
                if token is not None and record.token == token:
                    return self._row(record)
            self._allow(type, zone, spot)
            now = self.clock.now()
            record = Record(
                id=f"{kind[0]}-{len(self._machines.all()) + 1:04d}",
                kind=kind,
                type=type,
                zone=zone,
                name=name,
                tags=dict(tags or {}),
                spot=spot,
                token=token,
                ssh_key=ssh_key,
                image=image,
                created_at=now + self._skew_s,
                shown_at=now + self._lag_s,
                state="pending",
                due_at=now + self._boot_s,
                delete_at=None if delete_at is None else delete_at.timestamp(),
            )
            return self._row(self._machines.add(record))

        return self._call(Operation.CREATE, act)

    def get(self, machine_id: str) -> dict[str, Any]:
        """One machine; for an hour after its end, a terminated one. Raises CloudError `not_found`."""
        return self._call(Operation.GET, lambda: self._row(self._known(machine_id)))

    def list(self) -> list[dict[str, Any]]:
        """Every machine."""
        return self._call(Operation.LIST, lambda: self._rows("machine"))

    def terminate(self, machine_id: str) -> None:
        """End a machine and its disk. One that ended already is no error, one that is unknown is."""

        def act() -> None:
            record = self._known(machine_id)
            if machine_id in self._protected:
                raise CloudError("refused", f"{machine_id} is protected from deletion")
            if record.state not in ("terminating", "terminated"):
                record.ended_by = "request"
                record.turn("terminating", self.clock.now() + self._end_s)

        self._call(Operation.TERMINATE, act)

    def stop(self, machine_id: str) -> None:
        """Stop a machine; its files stay. Idempotent."""

        def act() -> None:
            record = self._known(machine_id)
            if record.state == "running":
                record.turn("stopping", self.clock.now() + self._end_s)
            elif record.state not in ("stopping", "stopped"):
                raise CloudError("bad_state", f"{machine_id} is {record.state}")

        self._call(Operation.STOP, act)

    def start(self, machine_id: str) -> None:
        """Start a stopped machine. Idempotent; it may come back at another address."""

        def act() -> None:
            record = self._known(machine_id)
            if record.state in ("stopped", "stopping"):
                if (record.type, record.zone) in self._full:
                    raise CloudError("no_capacity", f"no {record.type} is free in {record.zone}")
                self._machines.halt(record)
                record.turn("pending", self.clock.now() + self._boot_s)
            elif record.state not in ("pending", "running"):
                raise CloudError("bad_state", f"{machine_id} is {record.state}")

        self._call(Operation.START, act)

    def transport(self, machine_id: str) -> Transport:
        """The way into a machine without a network. Raises CloudError `not_found`."""
        with self._lock:
            return self._machines.transport(self._known(machine_id))

    # What a test does to it

    def machines(self) -> Sequence[Machine]:
        """See `CloudUnderTest.machines`."""
        with self._lock:
            self._machines.settle()
            return [Machine(r.id, r.tags, r.state, r.gone) for r in self._machines.all()]

    def inject(self, operation: Operation, fault: Fault, *, times: int = 1, after: int = 0) -> None:
        """See `CloudUnderTest.inject`. Raises Unsupported for what no cloud would answer."""
        if not possible(operation, fault):
            raise Unsupported(f"{operation} never ends with {fault}", why="no cloud answers so")
        with self._lock:
            self._script.inject(operation, fault, times=times, after=after)

    def pending_faults(self) -> int:
        """See `CloudUnderTest.pending_faults`."""
        with self._lock:
            return self._script.pending()

    def clear_faults(self) -> None:
        """See `CloudUnderTest.clear_faults`."""
        with self._lock:
            self._script.clear()

    def add_foreign(self) -> str:
        """See `CloudUnderTest.add_foreign`."""
        with self._lock:
            now = self.clock.now()
            number = len(self._machines.all()) + 1
            fields: dict[str, Any] = {"type": "cpu-2", "zone": "north-a", "name": "theirs", "spot": False}
            fields |= {"tags": {"team": "web"}, "token": None, "ssh_key": "", "image": None}
            times = {"created_at": now, "shown_at": now, "due_at": None, "state": "running"}
            record = Record(id=f"x-{number:04d}", kind=self._foreign, **fields, **times)
            return self._machines.add(record).id

    _foreign = "machine"

    def set_listing_lag(self, seconds: float) -> None:
        """See `CloudUnderTest.set_listing_lag`."""
        self._lag_s = seconds

    def skew_clock(self, seconds: float) -> None:
        """See `CloudUnderTest.skew_clock`. Moments that machines were made at are off by it."""
        self._skew_s = seconds

    def advance(self, seconds: float) -> None:
        """Let time pass at once, with all that is due in it."""
        self.clock.advance(seconds)
        with self._lock:
            self._machines.settle()

    def vanish(self, resource_id: str) -> None:
        """See `CloudUnderTest.vanish`."""
        with self._lock:
            record = self._known(resource_id)
            record.vanished = True
            record.end(self.clock.now(), "vanished")
            self._machines.halt(record)

    def preempt(self, resource_id: str, *, notice_s: float = 0.0) -> None:
        """See `CloudUnderTest.preempt`. The notice is the row's `reclaim_at`."""
        with self._lock:
            self._known(resource_id).reclaim_at = self.clock.now() + notice_s
            self._machines.settle()

    def fail(self, resource_id: str) -> None:
        """Break a machine: its state is `failed`, nothing runs, and it still costs."""
        with self._lock:
            record = self._known(resource_id)
            record.turn("failed", None)
            self._machines.halt(record)

    def protect(self, resource_id: str, *, protected: bool = True) -> None:
        """Let the cloud refuse to terminate a machine, or do it again."""
        (self._protected.add if protected else self._protected.discard)(resource_id)

    def fill(self, zone: str, *, type: str | None = None, full: bool = True) -> None:
        """Let a zone have no free machine of a type, or of any; or have free ones again."""
        places = {(name, zone) for name in TYPES if type in (None, name)}
        with self._lock:
            self._full = self._full | places if full else self._full - places

    @property
    def reuse_addresses(self) -> bool:
        """Whether a new machine gets the address of the last one that went, with another host key."""
        return self._machines.reuse_addresses

    @reuse_addresses.setter
    def reuse_addresses(self, reuse: bool) -> None:
        self._machines.reuse_addresses = reuse

    @property
    def secrets(self) -> Sequence[str]:
        """See `CloudUnderTest.secrets`."""
        return (self.api_key,)

    @property
    def replay(self) -> str:
        """See `CloudUnderTest.replay`. A cloud with this text as its `faults` fails in the same calls."""
        with self._lock:
            return self._script.replay

    # How a call goes

    def _call(self, operation: Operation, act: Callable[[], _Answer]) -> _Answer:
        """Carry a call out, unless a fault strikes it before; lose its reply when one strikes after."""
        with self._lock:
            self._machines.settle()
            number, fault = self._script.next(operation)
            if fault is not None:
                self.struck.append((operation, number, fault))
            answer = act() if fault is None or fault in _CARRIED_OUT else None
            self._machines.wake()
        if fault is not None:
            raise self._broken(fault)
        return answer  # type: ignore[return-value]

    def _broken(self, fault: Fault) -> Exception:
        if fault is Fault.RESET:
            return ConnectionResetError(104, "Connection reset by peer")
        if fault is Fault.REPLY_LOST:
            return TimeoutError("the read operation timed out")
        if fault is Fault.GARBLED:
            return json.JSONDecodeError("Expecting value", "<html>", 0)
        if fault in (Fault.RATE_LIMIT, Fault.RATE_LIMIT_SILENT):
            wait = self.retry_after_s if fault is Fault.RATE_LIMIT else None
            return CloudError("rate_limit", "too many calls", wait)
        return CloudError(fault.value, _SAID[fault])

    def _allow(self, type: str, zone: str, spot: bool) -> None:
        if type not in TYPES or zone not in ZONES or (spot and not TYPES[type].spot):
            raise CloudError("invalid", f"there is no {'spot ' if spot else ''}machine {type} in {zone}")
        if self.quota is not None and sum(not r.gone for r in self._machines.all()) >= self.quota:
            raise CloudError("quota", f"the account may have {self.quota} machines")
        if (type, zone) in self._full:
            raise CloudError("no_capacity", f"no {type} is free in {zone}")

    def _known(self, machine_id: str) -> Record:
        record = self._machines.find(machine_id)
        if record is None or not record.known(self.clock.now()):
            raise CloudError("not_found", f"there is no {machine_id}")
        return record

    def _rows(self, kind: str) -> list[dict[str, Any]]:
        now = self.clock.now()
        known = (r for r in self._machines.all() if r.kind == kind and r.known(now))
        return [self._row(r) for r in known if r.shown_at <= now]

    def _row(self, record: Record) -> dict[str, Any]:
        return record.row()

    def _offer(self, kind: MachineType, zone: str, spot: bool) -> dict[str, Any]:
        price = kind.price(ZONES[zone], spot=spot)
        return {
            "type": kind.name,
            "region": ZONES[zone],
            "zone": zone,
            "spot": spot,
            "price": None if price is None else str(price),
            "available": (kind.name, zone) not in self._full,
            "gpu": kind.gpu,
            "gpu_count": kind.gpu_count,
            "vcpus": kind.vcpus,
            "memory_bytes": kind.memory_bytes,
        }


_SAID = {
    Fault.UNAUTHENTICATED: "the key is not known",
    Fault.NO_CAPACITY: "none is free there now",
    Fault.QUOTA: "the account may not have more",
    Fault.NO_FUNDS: "the account has no money left",
    Fault.INVALID: "the request is wrong",
    Fault.SERVER_ERROR: "something is broken here",
    Fault.REFUSED: "it is protected",
}
