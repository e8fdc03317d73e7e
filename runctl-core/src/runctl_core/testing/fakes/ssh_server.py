"""The SSH servers of fake machines: one a machine, on loopback, with a host key of its own.

Programs, shells on a terminal, SFTP and forwarded ports, as on a real machine. Needs asyncssh.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from runctl_core.errors import Unsupported
from runctl_core.testing.fakes.sandbox import Sandbox

if TYPE_CHECKING:
    from runctl_core.testing.fakes.ssh_sessions import Door

USER = "trainer"
_PATIENCE_S = 30.0


class SSHServers:
    """All of a cloud, on one event loop in a thread of its own, which is started when first needed."""

    def __init__(self) -> None:
        self._doors: dict[str, Door] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def open(self, machine_id: str, sandbox: Sandbox, ssh_key: str, port: int) -> dict[str, Any]:
        """Let a machine answer; returns its `ssh`: host, port, user, host_key, home.

        Args:
            machine_id: Whose.
            sandbox: Where its programs run.
            ssh_key: The public key that may enter.
            port: Where it listens; 0 for any.

        Raises:
            Unsupported: There is no asyncssh here.
        """
        try:
            from runctl_core.testing.fakes.ssh_sessions import Door
        except ImportError as error:
            raise Unsupported(
                "the fake machines cannot be reached by SSH",
                why=str(error),
                fix="python3 -m pip install 'runctl-core[test]'",
            ) from error
        door = Door(sandbox, USER, ssh_key)
        told: dict[str, Any] = self._do(door.open(port))
        self._doors[machine_id] = door
        return {**told, "user": USER, "home": str(sandbox.home)}

    def close(self, machine_id: str) -> None:
        """Let a machine answer no more, and cut its connections."""
        self._do(self._doors.pop(machine_id).close())

    def finish(self) -> None:
        """End the thread."""
        if self._loop is not None and self._thread is not None:
            self._do(_end_the_others())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = None

    def _do(self, work: Any) -> Any:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            run = self._loop.run_forever
            self._thread = threading.Thread(target=run, daemon=True, name="fake-cloud-ssh")
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)


async def _end_the_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
