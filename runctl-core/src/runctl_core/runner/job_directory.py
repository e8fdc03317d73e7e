"""A job's directory: its files, its lock, and what is done to a job from outside of its runner.

The runner and the guard hold the lock while they live. Whoever gets it knows that both are dead.
Moments are Unix seconds.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import threading
import time

from . import processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OVER = ("finished", "lost")
_PATIENCE_S = 5.0
_CLOSED = ".closed"

GIVEN_BACK = "its machine was given back"
"""The message of a job that was ended with everything else under its root."""


def write_json(path: str, value: Any, *, durable: bool = False) -> None:
    """Write `value` to `path`, whole or not at all. Raises OSError."""
    partial = f"{path}.{os.getpid()}.{threading.get_ident()}"
    try:
        with open(partial, "w", opener=_private) as file:
            json.dump(value, file)
            file.flush()
            os.rename(partial, path)
            if durable:  # after the rename, so that readers need not wait for the disk
                os.fsync(file.fileno())
    except OSError:
        remove(partial)
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def remove(path: str) -> None:
    """Delete a file that may be gone already."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def read_json(path: str) -> dict[str, Any]:
    """The object in `path`; empty when it is missing or damaged."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def describe(error: OSError) -> str:
    """`No space left on device: /a/b`."""
    text = error.strerror or str(error)
    return f"{text}: {error.filename}" if error.filename else text


def open_log(directory: str, name: str) -> int:
    """One of the job's logs, opened for appending. Raises OSError."""
    return os.open(os.path.join(directory, name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def read_state(directory: str) -> dict[str, Any]:
    """The job's state; empty when it is missing or damaged."""
    return read_json(os.path.join(directory, "state.json"))


def checkpoint_dir(directory: str, job: dict[str, Any]) -> str:
    """Where a job's checkpoints go: a place of its own unless it names one."""
    own = os.path.join(directory, "checkpoints")
    return os.path.join(job["workdir"], job["checkpoint_dir"] or own)


def started(directory: str) -> bool:
    """Whether a job was ever started there: its first state was written."""
    return any(os.path.exists(os.path.join(directory, f)) for f in ("state.json", "usage.json"))


def is_closed(root: str) -> bool:
    """Whether `root` was destroyed; it may even be gone by now."""
    return not os.path.isdir(root) or os.path.exists(os.path.join(root, _CLOSED))


def lock(directory: str) -> int | None:
    """The lock, as a file descriptor; None while somebody holds it. Raises OSError."""
    handle = os.open(os.path.join(directory, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def check(directory: str) -> str:
    """`alive`, `over` or `none`. What a dead runner and guard left is ended: the job is lost.

    Raises:
        OSError: The directory cannot be read or written.
    """
    if not os.path.isdir(directory):
        return "none"
    handle = lock(directory)
    if handle is None:
        return "alive"
    try:
        if not started(directory):
            return "none"
        if read_state(directory).get("phase") not in OVER:
            bury(directory, "its runner and its guard were killed")
        return "over"
    finally:
        os.close(handle)


def bury(directory: str, message: str, *, guard: bool = False) -> None:
    """End what is left of a job whose runner is dead, then write that it is lost.

    Args:
        directory: The job's.
        message: How its runner ended.
        guard: Whether we are the guard, to whom the runner's orphans came back.

    Raises:
        OSError: The state cannot be written.
    """
    survivors = processes.end_all(lambda: leftovers(directory, guard=guard), reap=guard)
    state = read_state(directory)
    if state.get("phase") in OVER:
        return
    if not state.get("runner_pid"):
        message += "; its state file was damaged"
    if survivors:
        message += f"; these processes cannot be killed: {survivors}"
    lost = {"phase": "lost", "ended_by": "runner_died", "ended_at": time.time()}
    path = os.path.join(directory, "state.json")
    write_json(path, {**state, **lost, "message": message}, durable=True)


def leftovers(directory: str, *, guard: bool = False) -> set[int]:
    """The processes of a job whose runner is dead. No pid is trusted without its start time.

    Our own children count as the job's when we are the guard; any other caller stands outside of it.
    """
    found, me = processes.table(), os.getpid()
    known = {p for p, start in _recorded(directory) if p in found and found[p].start == start}
    known |= processes.marked(found, directory)
    sessions = {found[pid].session for pid in known} - {os.getsid(0)}
    roots = {me} if guard else set()
    return (known | processes.family(found, known | roots, sessions)) - {me}


def _recorded(directory: str) -> list[tuple[int, str]]:
    """Process ids and start times that the runner wrote down since this machine was started."""
    state, usage = read_state(directory), read_json(os.path.join(directory, "usage.json"))
    pairs = [[state.get("pid"), state.get("pid_start")], *usage.get("processes", [])]
    same_boot = processes.boot_id() in (state.get("boot"), usage.get("boot"))
    return [(pid, start) for pid, start in pairs if same_boot and pid and start]


def cancel(directory: str, grace_s: float, why: str = "") -> str:
    """Ask for the job's end; returns what `check` says of it. `why` becomes its message. Raises OSError."""
    if not os.path.isdir(directory):
        return "none"
    request = os.path.join(directory, "cancel")
    write_json(request, {"grace_s": grace_s, "why": why})
    answer = check(directory)
    if answer == "none":
        remove(request)  # or a later start would obey it
    return answer


def destroy(root: str) -> list[int]:
    """End every job under `root` at once, and for good: no job starts there from now on.

    Returns:
        The processes that cannot be killed.

    Raises:
        OSError: A directory cannot be read or written.
    """
    if os.path.isdir(os.path.dirname(root)):
        os.makedirs(root, mode=0o700, exist_ok=True)
        write_json(os.path.join(root, _CLOSED), {})
    alive = [job for job in _jobs(root) if cancel(job, 0.0, GIVEN_BACK) == "alive"]
    survivors = {pid for job in alive for pid in _destroy_one(job)}
    return sorted(survivors.union(processes.end_all(lambda: _below(root))))


def _jobs(root: str) -> list[str]:
    """The directories of jobs, also of those that are just being started."""
    if not os.path.isdir(root):
        return []
    with os.scandir(root) as entries:
        return [e.path for e in entries if os.path.exists(os.path.join(e.path, "lock"))]


def _destroy_one(directory: str) -> set[int]:
    """Wait until the runner has ended its job; one that hangs is killed, and so is its guard."""
    for victims in (_nobody, _runner, _keepers):
        processes.send(victims(directory), signal.SIGKILL)
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            if check(directory) != "alive":
                return set()
            time.sleep(0.01)
    return leftovers(directory)


def _nobody(_directory: str) -> set[int]:
    return set()


def _runner(directory: str) -> set[int]:
    """The runner, also of a job whose state is damaged: then it is the child of its guard."""
    keepers, found = _keepers(directory), processes.table()
    told = keepers & {read_state(directory).get("runner_pid")}
    return told or {pid for pid in keepers if pid in found and found[pid].parent in keepers}


def _keepers(directory: str) -> set[int]:
    """The runner and the guard: they have the lock open, and were started for this root."""
    if not processes.LINUX:
        state = read_state(directory)
        return {state[name] for name in ("runner_pid", "guard_pid") if state.get(name)}
    path = os.path.join(directory, "lock")
    start = os.fsencode(f"\0start\0{os.path.dirname(directory)}\0")
    started = [pid for pid in processes.table() if processes.slurp(f"/proc/{pid}/cmdline").endswith(start)]
    return {pid for pid in started if path in processes.open_files(pid)}


def _below(root: str) -> set[int]:
    found = processes.table()
    known = processes.marked(found, os.path.join(root, ""))
    return (known | processes.family(found, known, set())) - {os.getpid()}
