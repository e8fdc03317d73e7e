"""A fake cloud as a test drives it: what there is, what goes wrong, how time passes.

The calls that a provider makes are in `cloud.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, cast

from runctl_core.errors import Unsupported
from runctl_core.testing.cloud import CloudUnderTest, Fault, Machine, Operation
from runctl_core.testing.fakes.catalogue import TYPES
from runctl_core.testing.fakes.clock import CloudClock
from runctl_core.testing.fakes.errors import CloudError
from runctl_core.testing.fakes.machines import Machines
from runctl_core.testing.fakes.records import Record
from runctl_core.testing.fakes.script import FaultScript, possible

_Answer = TypeVar("_Answer")
FOREIGN = "foreign"
"""The kind of what runctl knows nothing of: it is among the machines, and among the jobs."""

_CARRIED_OUT = (Fault.REPLY_LOST, Fault.GARBLED)
_SAID = {
    Fault.UNAUTHENTICATED: "the key is not known",
    Fault.NO_CAPACITY: "none is free there now",
    Fault.QUOTA: "the account may not have more",
    Fault.NO_FUNDS: "the account has no money left",
    Fault.INVALID: "the request is wrong",
    Fault.SERVER_ERROR: "something is broken here",
    Fault.REFUSED: "it is protected",
}


class DrivenCloud(CloudUnderTest):
    """A cloud without its client's calls; see `FakeCloud`."""

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
            record = Record(
                id=f"x-{len(self._machines.all()) + 1:04d}",
                kind=FOREIGN,
                type="cpu-2",
                zone="north-a",
                name="theirs",
                tags={"team": "web"},
                created_at=now + self._skew_s,
                shown_at=now,
                state="running",
            )
            return self._machines.add(record).id

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
            self._machines.wake()

    def fail(self, resource_id: str) -> None:
        """Break a machine: its state is `failed`, nothing runs, and it still costs."""
        with self._lock:
            record = self._known(resource_id)
            if record.gone:
                raise CloudError("bad_state", f"{resource_id} has ended")
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
        """From now on."""
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
        return cast(_Answer, answer)

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

    def _known(self, machine_id: str) -> Record:
        record = self._machines.find(machine_id)
        if record is None or not record.known(self.clock.now()):
            raise CloudError("not_found", f"there is no {machine_id}")
        return record
