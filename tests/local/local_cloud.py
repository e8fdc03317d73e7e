"""This computer as a cloud under test: the slots of a directory, looked at behind the provider's back."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from runctl_core.errors import Unsupported
from runctl_core.testing import CloudUnderTest, Fault, Machine, Operation
from runctl_core.testing.expect import until
from runctl_local.processes import identity


class SlotsCloud(CloudUnderTest):
    """The slots below a directory, and processes that look like training and are nobody's of runctl."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._seen: dict[str, Machine] = {}
        self._foreign: list[subprocess.Popen[bytes]] = []

    def close(self) -> None:
        """End the processes that it started."""
        for process in self._foreign:
            process.kill()
            process.wait()

    def machines(self) -> Sequence[Machine]:
        """Every slot that this was ever asked about."""
        there = {path.parent.name: _tags(path) for path in self.directory.glob("slots/local-*/slot.json")}
        gone = {slot_id: seen.tags for slot_id, seen in self._seen.items() if slot_id not in there}
        self._seen |= {slot_id: Machine(slot_id, tags, "there", False) for slot_id, tags in there.items()}
        self._seen |= {slot_id: Machine(slot_id, tags, "gone", True) for slot_id, tags in gone.items()}
        return list(self._seen.values())

    def inject(self, operation: Operation, fault: Fault, *, times: int = 1, after: int = 0) -> None:
        """Nothing is asked of anybody, so nothing fails as a cloud does."""
        _cannot(f"this computer is asked directly: a call cannot fail as with {fault}")

    def pending_faults(self) -> int:
        """None: none can be injected."""
        return 0

    def clear_faults(self) -> None:
        """None is there to be taken back."""

    def add_foreign(self) -> str:
        """Start a process that is called like a launcher of training, and does nothing."""
        process = subprocess.Popen(
            ["torchrun", "-c", "read line"], executable="/bin/sh", stdin=subprocess.PIPE
        )
        self._foreign.append(process)
        started = until(lambda: identity(process.pid), expected="its process", timeout_s=10)
        return f"pid-{started}"

    def set_listing_lag(self, seconds: float) -> None:
        """A slot is listed as soon as it is there."""
        _cannot("a slot is listed as soon as it is there")

    def vanish(self, resource_id: str) -> None:
        """Remove a slot's directory, as a user might."""
        shutil.rmtree(self.directory / "slots" / resource_id)

    def preempt(self, resource_id: str, *, notice_s: float = 0.0) -> None:
        """Nobody does that here."""
        _cannot("nobody takes this computer away")

    def skew_clock(self, seconds: float) -> None:
        """There is one clock."""
        _cannot("this computer has one clock")

    @property
    def secrets(self) -> Sequence[str]:
        """No key is needed here."""
        return ()

    @property
    def replay(self) -> str:
        """Nothing is drawn by chance."""
        return ""


def _tags(path: Path) -> dict[str, str]:
    tags: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))["tags"]
    return tags


def _cannot(why: str) -> NoReturn:
    raise Unsupported(why)
