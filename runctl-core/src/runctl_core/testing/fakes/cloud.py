"""The cloud in this process: the calls of its "client library", and what a test does to it.

Calls give rows, the documents of the HTTP API (`docs/reference/fakes.md`), and raise CloudError. A broken
connection is a ConnectionResetError, a reply that never came a TimeoutError, a garbled one a ValueError.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from runctl_core.testing.cloud import Operation
from runctl_core.testing.fakes.catalogue import TYPES, ZONES, MachineType, places
from runctl_core.testing.fakes.driven_cloud import FOREIGN, DrivenCloud
from runctl_core.testing.fakes.errors import CloudError
from runctl_core.testing.fakes.records import Record
from runctl_core.transport import Transport


class FakeCloud(DrivenCloud):
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

    def offers(self) -> list[dict[str, Any]]:
        """Every type in every zone, with what an hour costs; `available` says whether one is free."""
        return self._call(Operation.OFFERS, self._offers)

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
                    return record.row()
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
            return self._machines.add(record).row()

        return self._call(Operation.CREATE, act)

    def get(self, machine_id: str) -> dict[str, Any]:
        """One machine; for an hour after its end, a terminated one. Raises CloudError `not_found`."""
        return self._call(Operation.GET, lambda: self._known(machine_id).row())

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

    def _allow(self, type: str, zone: str, spot: bool) -> None:
        if type not in TYPES or zone not in ZONES or (spot and not TYPES[type].spot):
            raise CloudError("invalid", f"there is no {'spot ' if spot else ''}machine {type} in {zone}")
        if self.quota is not None and sum(not r.gone for r in self._machines.all()) >= self.quota:
            raise CloudError("quota", f"the account may have {self.quota} machines")
        if (type, zone) in self._full:
            raise CloudError("no_capacity", f"no {type} is free in {zone}")

    def _rows(self, kind: str) -> builtins.list[dict[str, Any]]:
        now = self.clock.now()
        known = (r for r in self._machines.all() if r.kind in (kind, FOREIGN) and r.known(now))
        return [r.row() for r in known if r.shown_at <= now]

    def _offers(self) -> builtins.list[dict[str, Any]]:
        return [self._offer(*place) for place in places()]

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
