"""A real terminal for tests: a pty whose foreground group is the real command, as a shell makes it."""

from __future__ import annotations

import os
import pty
import select
import time

from homes import RUNCTL, Home


class Terminal:
    """`runctl ARGS` on a terminal of its own. Use as a context manager.

    Attributes:
        shown: Everything that the terminal was sent, without the carriage returns that it adds.
    """

    def __init__(self, home: Home, *args: str) -> None:
        self.shown = ""
        self._raw = b""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(home.work)
            os.execve(RUNCTL, [RUNCTL, *args], {**home.env, "TERM": "xterm"})  # noqa: S606

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def press(self, keys: str) -> None:
        """Type; `\\x03` is Ctrl-C, which the kernel turns into SIGINT for the foreground group."""
        os.write(self._fd, keys.encode())

    def until(self, text: str, *, times: int = 1, seconds: float = 20) -> None:
        """Wait until the terminal has shown `text` so many times."""
        end = time.monotonic() + seconds
        while self.shown.count(text) < times:
            assert time.monotonic() < end, f"never shown: {text!r}, but: {self.shown!r}"
            assert self._look(end), f"ended without {text!r}: {self.shown!r}"

    def status(self, *, seconds: float = 20) -> int:
        """The exit status, once the command has ended."""
        end = time.monotonic() + seconds
        while self._look(end):
            assert time.monotonic() < end, f"it does not end: {self.shown!r}"
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _look(self, end: float) -> bool:
        """Read what there is; False when the command has closed the terminal."""
        ready, _, _ = select.select([self._fd], [], [], max(0, end - time.monotonic()))
        try:
            data = os.read(self._fd, 1 << 16) if ready else b""
        except OSError:  # Linux tells the end of a terminal as an error
            return False
        self._raw += data
        self.shown = self._raw.decode(errors="replace").replace("\r\n", "\n")
        return bool(data) or not ready
