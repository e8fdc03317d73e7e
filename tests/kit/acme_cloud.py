"""A cloud in memory, with the calls of a vendor's client and every fault of the kit.

Its machines are folders, and what runs on them is real. `calls` beside the client's are the kit's.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kit.small_cloud import SmallCloud
from runctl_core.api import LocalTransport, RunnerExecutor
from runctl_core.testing import CloudUnderTest, Fault, Machine, Operation

KEY = "acme-key-8f1b2c3d4e"
PAGE = 20
OFFERS = (
    {"type": "one", "vcpus": 4, "memory_gib": 16, "usd": "0.40", "gpu": None, "gpus": 0},
    {"type": "gpu-1", "vcpus": 8, "memory_gib": 64, "usd": "2.50", "gpu": "H100", "gpus": 1},
    {"type": "gpu-2", "vcpus": 16, "memory_gib": 128, "usd": None, "gpu": "H100", "gpus": 2},
)
REGIONS = {"north": "north-a", "south": "south-b"}
CARRIED_OUT = (Fault.REPLY_LOST, Fault.GARBLED)


class CloudError(Exception):
    """What the client raises. `code` is a fault's word, or `not_found`."""

    def __init__(self, code: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"the cloud says {code}")
        self.code, self.retry_after_s = code, retry_after_s


class AcmeCloud(CloudUnderTest):
    """The cloud. `close` ends what runs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._lock = folder, threading.RLock()
        self.rows: dict[str, dict[str, Any]] = {}
        self.faults: dict[Operation, deque[Fault | None]] = defaultdict(deque)
        self.lag_s = self.skew_s = 0.0

    def _answer(self, operation: Operation, act: Any) -> Any:
        """Carry a call out, unless a fault strikes."""
        with self._lock:
            waiting = self.faults[operation]
            fault = waiting.popleft() if waiting else None
            answer = act() if fault is None or fault in CARRIED_OUT else None
        if fault is not None:
            raise CloudError(fault, 0.2 if fault is Fault.RATE_LIMIT else None)
        return answer

    # The client

    def offers(self) -> list[dict[str, Any]]:
        """What can be had."""
        every = [
            {**row, "region": region, "zone": zone, "spot": spot}
            for row in OFFERS
            for region, zone in REGIONS.items()
            for spot in (False, True)
        ]
        return self._answer(Operation.OFFERS, lambda: every)

    def create(self, token: str, **fields: Any) -> dict[str, Any]:
        """Make a machine, once for a token."""

        def act() -> dict[str, Any]:
            for row in self.rows.values():
                if row["token"] == token:
                    return dict(row)
            return dict(self._new(token, **fields))

        return self._answer(Operation.CREATE, act)

    def _new(self, token: str, **fields: Any) -> dict[str, Any]:
        machine_id = f"m-{len(self.rows):04}"
        now = datetime.now(UTC) + timedelta(seconds=self.skew_s)
        times = {"created": now.isoformat(), "shown": time.monotonic() + self.lag_s, "ends": None}
        row = {"id": machine_id, "token": token, "state": "up", **times, **fields}
        self.rows[machine_id] = row
        return row

    def get(self, machine_id: str) -> dict[str, Any]:
        """One machine."""
        return self._answer(Operation.GET, lambda: dict(self._row(machine_id)))

    def list(self, page: int = 0) -> tuple[list[dict[str, Any]], int | None]:
        """A page of machines, and the number of the next one."""

        def act() -> tuple[list[dict[str, Any]], int | None]:
            now = time.monotonic()
            there = [dict(r) for r in self.rows.values() if not self._gone(r) and r["shown"] <= now]
            rest = there[(page + 1) * PAGE :]
            return there[page * PAGE : (page + 1) * PAGE], page + 1 if rest else None

        return self._answer(Operation.LIST, act)

    def terminate(self, machine_id: str) -> None:
        """End a machine."""
        self._answer(Operation.TERMINATE, lambda: self._end(self._row(machine_id)["id"]))

    def stop(self, machine_id: str) -> None:
        """Stop a machine."""
        self._answer(Operation.STOP, lambda: self._row(machine_id).update(state="off"))

    def start(self, machine_id: str) -> None:
        """Start a machine."""
        self._answer(Operation.START, lambda: self._row(machine_id).update(state="up"))

    def _row(self, machine_id: str) -> dict[str, Any]:
        row = self.rows.get(machine_id)
        if row is None or self._gone(row):
            raise CloudError("not_found")
        return row

    def _gone(self, row: dict[str, Any]) -> bool:
        if row["ends"] is not None and row["ends"] <= time.monotonic():
            self._end(row["id"])
        return bool(row["state"] == "gone")

    def _end(self, machine_id: str) -> None:
        self.rows[machine_id].update(state="gone", ends=None)
        jobs = self.home(machine_id) / "jobs"
        if jobs.exists():
            RunnerExecutor(LocalTransport(), str(jobs)).destroy()

    # Its machines, for `kit.small_cloud.Wire`

    def home(self, machine_id: str) -> Path:
        """A machine's directory."""
        folder = self.folder / machine_id
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def reach(self, machine_id: str) -> None:
        """Raises ProviderUnavailable for a machine that is gone."""
        small = SmallCloud(self.folder)
        small.made = {m.id: m for m in self.machines()}
        small.reach(machine_id)

    def close(self) -> None:
        """End everything."""
        for machine_id in list(self.rows):
            self._end(machine_id)

    # As the kit drives it

    def machines(self) -> list[Machine]:
        with self._lock:
            return [Machine(r["id"], r["tags"], r["state"], self._gone(r)) for r in self.rows.values()]

    def inject(self, operation: Operation, fault: Fault, *, times: int = 1, after: int = 0) -> None:
        self.faults[operation].extend([None] * after + [fault] * times)

    def pending_faults(self) -> int:
        return sum(fault is not None for waiting in self.faults.values() for fault in waiting)

    def clear_faults(self) -> None:
        self.faults.clear()

    def add_foreign(self) -> str:
        with self._lock:
            fields = {"type": "one", "region": "north", "zone": "north-a", "spot": False, "image": None}
            row = self._new(f"theirs-{len(self.rows)}", name="theirs", tags={"team": "web"}, **fields)
            return str(row["id"])

    def set_listing_lag(self, seconds: float) -> None:
        self.lag_s = seconds

    def vanish(self, resource_id: str) -> None:
        self._end(resource_id)

    def preempt(self, resource_id: str, *, notice_s: float = 0.0) -> None:
        self.rows[resource_id]["ends"] = time.monotonic() + notice_s

    def skew_clock(self, seconds: float) -> None:
        self.skew_s = seconds

    @property
    def secrets(self) -> list[str]:
        return [KEY]

    @property
    def replay(self) -> str:
        return "no chance is in this cloud"
