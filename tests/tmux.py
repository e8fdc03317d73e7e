"""A real tmux with one shell in it, for what people look at: keys go in, the picture comes out."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from collections.abc import Callable

from homes import Home

_count = itertools.count()
_PROMPT = "ready$ "


class Tmux:
    """A terminal of this size, with a shell in the home's working directory. A context manager.

    Args:
        home: Whose environment and directory the shell has.
        width: Columns.
        height: Lines.
    """

    def __init__(self, home: Home, width: int, height: int) -> None:
        self._tmux = ["tmux", "-u", "-L", f"runctl-{os.getpid()}-{next(_count)}", "-f", "/dev/null"]
        # bash, because sh shows another prompt to root.
        self._do(
            "new-session", "-d", "-x", str(width), "-y", str(height), "bash", "--norc", "--noprofile",
            cwd=home.work, env={**home.env, "PS1": _PROMPT, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip

    def __enter__(self) -> Tmux:
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False)

    def _do(self, *words: str, **options: object) -> str:
        done = subprocess.run(  # type: ignore[call-overload]  # the options are subprocess's own
            [*self._tmux, *words], check=True, capture_output=True, text=True, **options
        )
        return str(done.stdout)

    def type(self, line: str) -> None:
        """Type a line, and the enter key."""
        self._do("send-keys", "-l", line)
        self._do("send-keys", "Enter")

    def press(self, *keys: str) -> None:
        """Press keys, in tmux's names: `j`, `Tab`, `Escape`, `C-c`."""
        self._do("send-keys", *keys)

    def screen(self, *, codes: bool = False) -> str:
        """What is on the screen now; with `codes`, the colours as escape sequences too."""
        return self._do("capture-pane", "-p", *(["-e"] if codes else []))

    def says(self, what: str) -> str:
        """One of tmux's own figures of the terminal: `alternate_on`, `cursor_flag`, `pane_pid`."""
        return self._do("display-message", "-p", f"#{{{what}}}").strip()

    def until(self, wanted: str | Callable[[str], object], *, seconds: float = 20) -> str:
        """The screen, once it shows the text, or what the function is true of."""
        end = time.monotonic() + seconds
        while True:
            shown = self.screen()
            if wanted in shown if isinstance(wanted, str) else wanted(shown):
                return shown
            assert time.monotonic() < end, f"never shown: {wanted}; the screen:\n{shown}"
            time.sleep(0.05)

    def left(self, *, seconds: float = 20) -> str:
        """The screen, once the shell asks for a command again."""
        return self.until(lambda shown: shown.rstrip().endswith(_PROMPT.strip()), seconds=seconds)
