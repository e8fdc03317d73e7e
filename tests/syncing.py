"""What tests of sync share: a machine that is a folder of this computer, projects, and trees to compare."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from runctl_core.sync import Sent, select, send
from runctl_core.transport import Completed
from runctl_core.transport.local import LocalTransport


class Machine(LocalTransport):
    """A machine that shares no files with this computer, as far as the code under test may know.

    Attributes:
        calls: How many programs were run on it.
        received: How many bytes they were given.
    """

    shares_files = False

    def __init__(self) -> None:
        self.calls = 0
        self.received = 0

    def run(
        self, argv: Sequence[str], *, input: bytes | Iterable[bytes] = b"", timeout_s: float | None = None
    ) -> Completed:
        """See `Transport.run`."""
        data = input if isinstance(input, bytes) else b"".join(input)
        self.calls += 1
        self.received += len(data)
        return super().run(argv, input=data, timeout_s=timeout_s)


def git(folder: Path, *words: str) -> str:
    """Run git in a folder, with nobody's configuration."""
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    env |= {
        f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    argv = ["git", "-c", "protocol.file.allow=always", "-C", str(folder), *words]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout


def write(root: Path, **files: str) -> None:
    """Files by name; `__` in a name is a slash, `_dot_` a dot at its beginning."""
    for name, text in files.items():
        put(root, name.replace("__", "/").replace("_dot_", "."), text)


def put(root: Path, name: str, data: str | bytes) -> Path:
    """One file, and the folders above it."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def deliver(machine: LocalTransport, root: Path, target: Path, *include: str) -> Sent:
    """Select and send, with this very Python on the other side."""
    return send(machine, select(str(root), include=include), str(target), python=sys.executable)


def names(root: Path, *include: str) -> set[str]:
    """The paths that go."""
    return {entry.path for entry in select(str(root), include=include).files}


def contents(tree: str | Path) -> dict[bytes, tuple[object, ...]]:
    """Everything in a tree that is no folder: kind, mode and bytes, or where a link leads."""
    top = os.fsencode(tree)
    found: dict[bytes, tuple[object, ...]] = {}
    for above, folders, files in os.walk(top):
        folders[:] = [name for name in folders if name != b".git"]
        for name in [*files, *folders]:
            path = os.path.join(above, name)
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                found[os.path.relpath(path, top)] = ("link", os.readlink(path))
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    found[os.path.relpath(path, top)] = (stat.S_IMODE(status.st_mode), file.read())
    return found
