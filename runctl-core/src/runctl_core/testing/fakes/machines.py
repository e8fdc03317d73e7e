"""The machines of a fake cloud, as records and as folders in which things run; they go on with time.

What is due happens before each call, and without any call: a thread waits for the next moment.
"""

from __future__ import annotations

import threading
from pathlib import Path

from runctl_core.runner import processes
from runctl_core.testing.fakes import ending
from runctl_core.testing.fakes.clock import CloudClock
from runctl_core.testing.fakes.records import Record
from runctl_core.testing.fakes.sandbox import Sandbox, Watch
from runctl_core.testing.fakes.ssh_server import SSHServers
from runctl_core.testing.fakes.transport import SandboxTransport


class Machines:
    """Every machine that was ever made. Callers hold `lock`.

    Args:
        directory: Where the folders are made; what runs in it from before is ended.
        clock: The cloud's time.
    """

    def __init__(self, directory: Path, clock: CloudClock) -> None:
        self.lock = threading.RLock()
        self.reuse_addresses = False
        self._folder = directory.resolve() / "machines"
        self._folder.mkdir(parents=True, exist_ok=True)
        ending.end(str(self._folder), processes)
        for folder in self._folder.iterdir():
            Sandbox(folder).remove()
        self._clock = clock
        self._records: dict[str, Record] = {}
        self._sandboxes: dict[str, Sandbox] = {}
        self._watch = Watch(self._folder)
        self._ssh = SSHServers()
        self._free_ports: list[int] = []
        self._changed = threading.Condition(self.lock)
        self._closed = False
        self._timer: threading.Thread | None = None

    def all(self) -> list[Record]:
        """In the order of their making."""
        return list(self._records.values())

    def find(self, machine_id: str) -> Record | None:
        """One of them."""
        return self._records.get(machine_id)

    def add(self, record: Record) -> Record:
        """A new one."""
        self._records[record.id] = record
        self.settle()
        return record

    def sandbox(self, record: Record) -> Sandbox:
        """The folder of one, made when it is first needed."""
        if record.id not in self._sandboxes:
            self._sandboxes[record.id] = Sandbox(self._folder / record.id)
            self._watch.begin()
        return self._sandboxes[record.id]

    def sandbox_of(self, machine_id: str) -> Sandbox | None:
        """The folder of one, if it has one."""
        return self._sandboxes.get(machine_id)

    def transport(self, record: Record) -> SandboxTransport:
        """The way into one."""
        sandbox = self.sandbox(record)
        self.settle()
        return SandboxTransport(record.id, sandbox)

    def settle(self) -> None:
        """Let happen what is due, with the processes of those that it happens to."""
        now = self._clock.now()
        for record in self._records.values():
            record.go_on(now)
            if record.state == "running":
                self._power(record)
            elif record.gone or record.state in ("stopped", "failed", "pending"):
                self.halt(record)

    def wake(self) -> None:
        """Let the thread look for the next moment."""
        if self._timer is None and self._clock.runs:
            self._timer = threading.Thread(target=self._wait, daemon=True, name="fake-cloud")
            self._timer.start()
        self._changed.notify_all()

    def halt(self, record: Record) -> None:
        """End what runs in a machine; a gone one's files too. Idempotent."""
        if record.ssh is not None:
            self._ssh.close(record.id)
            self._free_ports.append(record.ssh["port"])
            record.ssh = None
        sandbox = self._sandboxes.get(record.id)
        if sandbox is None:
            return
        if record.gone:
            sandbox.remove()
            del self._sandboxes[record.id]
        elif sandbox.on:
            sandbox.turn_off()

    def close(self) -> None:
        """End every machine. Idempotent."""
        with self.lock:
            self._closed = True
            for record in self.all():
                if not record.gone:
                    record.end(self._clock.now(), "closed")
                self.halt(record)
            self._changed.notify_all()
        if self._timer is not None:
            self._timer.join()
        self._ssh.finish()
        self._watch.finish()

    def _power(self, record: Record) -> None:
        """Let a machine run, and answer by SSH; its folder is made when somebody may come in."""
        if record.ssh_key and record.ssh is None:
            port = self._free_ports.pop() if self.reuse_addresses and self._free_ports else 0
            record.ssh = self._ssh.open(record.id, self.sandbox(record), record.ssh_key, port)
        sandbox = self._sandboxes.get(record.id)
        if sandbox is not None and not sandbox.on:
            sandbox.turn_on()

    def _wait(self) -> None:
        with self._changed:
            while not self._closed:
                self.settle()
                moments = [at for record in self._records.values() for at in record.moments]
                left_s = max(0.0, min(moments) - self._clock.now()) if moments else None
                self._changed.wait(left_s)
