"""The shell in which a page's commands run: bash on a terminal of 80 columns, in a fresh home."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from fcntl import ioctl
from pathlib import Path

PATIENCE_S = 240.0
"""How long one command may take."""

_SCREEN_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_OVERWRITTEN = re.compile(r"[^\n]*\r\x1b\[K")
_NOT_A_USERS = frozenset(
    """PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE PYTHONPATH COLUMNS
    VIRTUAL_ENV UV_PROJECT_ENVIRONMENT UV_PYTHON""".split()
)
"""What a test session sets; the last three would make uv work on the session's own environment."""


def make_environment(folder: Path) -> None:
    """An environment with pip in which a page may install things, beside what is installed here."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    here = [path for path in sys.path if Path(path).name == "site-packages"]
    (site / "installed.pth").write_text("".join(f"import site; site.addsitedir({p!r})\n" for p in here))


class PageShell:
    """Runs commands one after the other, as a person types them.

    Args:
        root: An empty folder; `root/home/you` becomes the home.
        environment: What `make_environment` made; copied, so that a page keeps its changes to itself.
        cache: Where uv keeps downloads, shared by all pages.
    """

    def __init__(self, root: Path, environment: Path, cache: Path) -> None:
        self._root = root
        self.home = root / "home" / "you"
        self.work = self.home / "project"
        self.work.mkdir(parents=True)
        shutil.copytree(environment, root / "python", symlinks=True)
        self._command("runctl", "runctl_core.__main__")
        self._command("runctl-local", "runctl_local.script")
        self._tmux = tempfile.mkdtemp(prefix="page-")  # a socket's path has to be short
        self._screen, theirs = pty.openpty()
        self._like_a_terminal(theirs)
        self._bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            stdin=subprocess.PIPE,
            stdout=theirs,
            stderr=theirs,
            cwd=self.work,
            env=self._variables(cache),
        )
        os.close(theirs)
        self._status = 0

    def __enter__(self) -> PageShell:
        return self

    def __exit__(self, *_: object) -> None:
        self._bash.communicate()
        os.close(self._screen)
        if shutil.which("tmux"):
            subprocess.run(["tmux", "kill-server"], env=self._own_tmux(), capture_output=True)
        shutil.rmtree(self._tmux)
        for job in self.home.glob(".local/state/runctl/local/slots/local-*/jobs/*"):
            stop = ["stop", job.name.rpartition("-")[0], "--grace-seconds", "0"]
            command = [str(self._root / "python" / "bin" / "runctl"), *stop]
            subprocess.run(command, env={**os.environ, "HOME": str(self.home)}, capture_output=True)

    @property
    def directory(self) -> Path:
        """Where the shell stands now."""
        return Path(self._root, self.run("pwd")[1].strip().removeprefix("/"))

    def run(self, command: str) -> tuple[int, str]:
        """Run a command; returns its exit status and what the screen shows, the home as /home/you."""
        assert self._bash.stdin is not None
        line = f"{{ (exit {self._status}); eval {shlex.quote(command)}; }} < /dev/null"
        self._bash.stdin.write(f"{line}\nprintf '\\036%s\\036' $?\n".encode())
        self._bash.stdin.flush()
        shown, status = self._until_done(command)
        self._status = int(status)
        text = _SCREEN_CODES.sub("", _OVERWRITTEN.sub("", shown))
        return self._status, text.replace(str(self._root), "")

    def _until_done(self, command: str) -> tuple[str, str]:
        data, end = b"", time.monotonic() + PATIENCE_S
        while data.count(b"\x1e") < 2:
            ready, _, _ = select.select([self._screen], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"not over after {PATIENCE_S} s: {command}\n{data.decode(errors='replace')}"
            data += os.read(self._screen, 1 << 16)
        shown, status, _ = data.decode(errors="replace").split("\x1e")
        return shown, status

    def _own_tmux(self) -> dict[str, str]:
        """Variables of a tmux of the page's own, whatever this test runs in."""
        return {**{k: v for k, v in os.environ.items() if k != "TMUX"}, "TMUX_TMPDIR": self._tmux}

    def _command(self, name: str, module: str) -> None:
        folder = self._root / "python" / "bin"
        path = folder / name
        path.write_text(f"#!{folder}/python\nimport sys\nfrom {module} import main\nsys.exit(main())\n")
        path.chmod(0o755)

    def _variables(self, cache: Path) -> dict[str, str]:
        kept = {key: value for key, value in self._own_tmux().items() if key not in _NOT_A_USERS}
        kept = {key: value for key, value in kept.items() if not key.startswith(("RUNCTL_", "XDG_"))}
        ours = f"{self._root}/python/bin:{Path(sys.executable).parent}"
        path = f"{ours}:{self.home}/.local/bin:{os.environ['PATH']}"
        return kept | {"HOME": str(self.home), "PATH": path, "UV_CACHE_DIR": str(cache), "USER": "you"}

    @staticmethod
    def _like_a_terminal(fd: int) -> None:
        ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        mode = termios.tcgetattr(fd)
        mode[1] &= ~termios.ONLCR
        mode[3] &= ~termios.ECHO
        termios.tcsetattr(fd, termios.TCSANOW, mode)
