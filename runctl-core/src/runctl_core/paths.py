"""Where runctl keeps things on this computer.

State (the tracker's database, runs, slots) follows `RUNCTL_STATE_DIR`, then `XDG_STATE_HOME`; the
user's configuration follows `RUNCTL_CONFIG_DIR`, then `XDG_CONFIG_HOME`. Strings and `os.path`, not
pathlib, so that `runctl ps` stays quick.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from runctl_core.errors import StateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


def state_dir() -> str:
    """The absolute path of the state directory. It may not exist yet."""
    return _directory("RUNCTL_STATE_DIR", "XDG_STATE_HOME", ".local/state")


def config_dir() -> str:
    """The absolute path of the user's configuration directory. It may not exist yet."""
    return _directory("RUNCTL_CONFIG_DIR", "XDG_CONFIG_HOME", ".config")


def database_path() -> str:
    """The tracker's SQLite file."""
    return os.path.join(state_dir(), "state.db")


def run_dir(run_id: str) -> str:
    """Where a run's log, checkpoints, outputs and receipt are kept after it ended."""
    return os.path.join(state_dir(), "runs", run_id)


def ensure_private_dir(path: str) -> str:
    """Make `path` with mode 0700 unless it is there. Raises StateError with the mending command."""
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"cannot make the directory {path}",
            why=error.strerror or str(error),
            fix="set RUNCTL_STATE_DIR to a directory that you can write to",
        ) from error
    return path


def write_whole(
    path: str, pieces: Iterable[bytes], *, durable: bool = False, mode: int | None = None
) -> None:
    """Write a file that appears under its name only when it is whole. Raises OSError.

    Args:
        path: Its name.
        pieces: Its bytes.
        durable: Whether it is there after a power cut too, once this returns.
        mode: Its permissions; those of any new file by default.
    """
    partial = f"{path}.{os.getpid()}.part"
    try:
        with open(partial, "wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.writelines(pieces)
        if durable:
            to_disk(partial)
        os.replace(partial, path)
        if durable:
            to_disk(os.path.dirname(path) or ".")
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise


def to_disk(path: str) -> None:
    """Return once a file or a folder's list of names is on the disk. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove_abandoned_parts(path: str) -> None:
    """Remove what a killed `write_whole` of `path` left beside it. Raises OSError."""
    folder, name = os.path.split(os.path.abspath(path))
    for entry in os.listdir(folder) if os.path.isdir(folder) else ():
        pid = entry.removeprefix(f"{name}.").removesuffix(".part")
        if entry == f"{name}.{pid}.part" and pid.isdecimal() and not _lives(int(pid)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, entry))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def require_text(name: str) -> None:
    """Raise UsageError for a name that is not text in UTF-8: the books cannot keep it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"{name!r} is not text in UTF-8",
            why="runctl keeps names as text",
            fix="rename it, and use that name",
        ) from None


def _directory(own: str, xdg: str, fallback: str) -> str:
    if os.environ.get(own):
        return os.path.abspath(os.path.expanduser(os.environ[own]))
    base = os.environ.get(xdg) or os.path.join(os.path.expanduser("~"), fallback)
    return os.path.join(os.path.abspath(base), "runctl")
