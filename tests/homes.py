"""A user's home for tests: the real command, its real runs, and patience with a deadline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

RUNCTL = str(Path(sys.executable).parent / "runctl")
_NOT_A_USERS = ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "COLUMNS")


class Home:
    """A user's home with state, configuration and a working directory of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / "state"
        self.work = root / "work"
        self.work.mkdir(parents=True)
        self.env = {key: value for key, value in os.environ.items() if key not in _NOT_A_USERS}
        self.env = {key: value for key, value in self.env.items() if not key.startswith("RUNCTL_")}
        self.env |= {
            "RUNCTL_STATE_DIR": str(self.state),
            "RUNCTL_CONFIG_DIR": str(root / "config"),
            "RUNCTL_OWNER": "tester",
        }

    def write(self, name: str, text: str | bytes) -> Path:
        """A file in the working directory."""
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def runctl(
        self, *args: str, env: Mapping[str, str] | None = None, timeout: float = 60, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the real command to its end."""
        return subprocess.run(
            [RUNCTL, *args],
            cwd=cwd or self.work,
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )

    def shell(self, line: str) -> None:
        """Carry out a line as it would be pasted into a shell. Fails when the line does."""
        env = {**self.env, "PATH": f"{Path(RUNCTL).parent}{os.pathsep}{self.env['PATH']}"}
        subprocess.run(["bash", "-c", line], cwd=self.work, env=env, check=True, timeout=60)

    def start(self, *args: str, **kwargs: Any) -> subprocess.Popen[bytes]:
        """Begin the real command, and return at once."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([RUNCTL, *args], cwd=self.work, env=self.env, **{**options, **kwargs})

    def json(self, *args: str) -> Any:
        """The document that a command prints with `--json`."""
        done = self.runctl(*args, "--json")
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    def detached(self, *args: str) -> str:
        """Start a run, and return its id."""
        done = self.runctl("train", "--detach", *args)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def job_dir(self, run: str, attempt: int = 1) -> Path:
        """Where the runner of a live run keeps its files."""
        (found,) = self.state.glob(f"local/slots/*/jobs/{run}-{attempt}")
        return found

    def job(self, run: str, attempt: int = 1) -> dict[str, Any]:
        """What the runner of a live run says of it."""
        document: dict[str, Any] = json.loads((self.job_dir(run, attempt) / "state.json").read_text())
        return document

    def state_of(self, run: str) -> str:
        """The state of a run, as a user sees it now."""
        return str(self.json("status", run)["state"])


def wait_for(what: Callable[[], Any], *, seconds: float = 15.0, why: str = "") -> Any:
    """The first true answer of `what`; fails when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if answer := what():
                return answer
        except (FileNotFoundError, ValueError, KeyError):
            pass
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {why or what}")


def processes_of(root: Path) -> list[str]:
    """Command lines of the processes of jobs below `root`, of their runners and their guards."""
    mark, supervisor = f"RUNCTL_JOB={root}".encode(), f"start\0{root}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            command = (folder / "cmdline").read_bytes()
            if mark in (folder / "environ").read_bytes() or supervisor in command:
                found.append(f"{folder.name} {command!r}")
        except OSError:
            continue
    return found
