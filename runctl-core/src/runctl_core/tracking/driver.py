"""Who drives a run: at most one process at a time, and everybody can see whether it still lives.

The lock is the kernel's, so it ends with its process, however that ends.
"""

from __future__ import annotations

import os

from runctl_core.errors import Refused, StateError
from runctl_core.locks import lock
from runctl_core.paths import ensure_private_dir, run_dir, state_dir


class Driver:
    """The right to change a run. Use as a context manager; `held` says whether it was got."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._path = os.path.join(ensure_private_dir(run_dir(run_id)), "driver.lock")
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        """Whether this process drives the run."""
        return self._fd is not None

    def require(self) -> None:
        """Raise Refused when another process drives the run."""
        if not self.held:
            raise Refused(
                f"another runctl command works on {self._run_id} right now",
                fix=f"runctl attach {self._run_id}",
            )

    def __enter__(self) -> Driver:
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateError(
                f"the lock of {self._run_id} cannot be opened",
                why=f"{error.strerror or error}: {self._path}",
                fix=f"make room on the disk of {state_dir()}, and make it yours",
            ) from error
        if lock(fd):
            self._fd = fd
        else:
            os.close(fd)
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
