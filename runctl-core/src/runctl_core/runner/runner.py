"""The program that runs beside a training script on its machine, and owns the job there.

`start` makes ROOT/<job id>/, detaches, and says so only when the job's first state is written. Two
processes then stand beside the script: the *runner*, which supervises it, and the *guard*, the
runner's parent, which ends the job's processes and writes its last state when the runner is killed.
When the guard is killed, the runner forks a new one. The script's stdout and stderr are the file
`log` itself. Secrets arrive on standard input and go into the script's environment; no file and no
command line ever has them. On Linux no process escapes: orphans come back to the runner, or to the
guard when the runner is dead.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time

from . import job_directory, supervisor
from .guard import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

START_PATIENCE_S = 30.0


def main() -> None:
    """`start ROOT` (the job on standard input), or `check`, `cancel`, `processes` or `destroy`.

    `check DIR`, `cancel DIR GRACE_S` and `processes DIR` are about one job, `destroy ROOT` about all.

    Prints one JSON object; an error of the operating system is one with `error` and exit status 1.
    """
    verb, path = sys.argv[1:3]
    try:
        answer: dict[str, Any]
        if verb == "start":
            answer = start(path, json.load(sys.stdin.buffer))
        elif verb == "cancel":
            answer = {"job": job_directory.cancel(path, float(sys.argv[3]))}
        elif verb == "check":
            answer = {"job": job_directory.check(path)}
        elif verb == "processes":
            from . import members

            answer = {"processes": members.members(path)}
        else:
            answer = {"survivors": job_directory.destroy(path)}
    except OSError as error:
        answer = {"error": job_directory.describe(error)}
    print(json.dumps(answer), flush=True)  # noqa: T201
    os._exit(1 if "error" in answer else 0)  # somebody waits, and there is nothing to tidy up


def start(root: str, request: dict[str, Any]) -> dict[str, Any]:
    """Start the job unless it was started before; returns the runner's pid, or an error."""
    directory = _make_directory(root, request["job"]["id"])
    deadline = time.monotonic() + START_PATIENCE_S
    while time.monotonic() < deadline:
        lock = job_directory.lock(directory)
        if job_directory.started(directory):
            return {"pid": job_directory.read_state(directory).get("runner_pid")}
        if lock is not None:
            return _launch(root, directory, request)
        time.sleep(0.01)  # another start has the lock, and will have written a state soon
    return {"error": f"another start of this job does not come to an end: {directory}"}


def _make_directory(root: str, job_id: str) -> str:
    """The job's directory, for our eyes only. Raises OSError, also for one that is not ours."""
    directory = os.path.join(os.path.abspath(root), job_id)
    if not os.path.isdir(root):
        _make_root(root)
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        found = os.lstat(directory)
        if found.st_uid != os.geteuid() or found.st_mode & 0o177077 != 0o040000:
            raise PermissionError(errno.EPERM, "not a private directory of ours", directory) from None
    return directory


def _make_root(root: str) -> None:
    """The last folder alone: nothing comes back of a resource that was given back meanwhile."""
    try:
        os.mkdir(root, 0o700)
    except FileExistsError:
        return  # another start was faster


def _launch(root: str, directory: str, request: dict[str, Any]) -> dict[str, Any]:
    job_directory.remove(os.path.join(directory, "cancel"))  # of a start that was cut short
    if job_directory.is_closed(root):  # asked under the lock, for which `destroy` looks after it closed
        _discard(directory)
        return {"error": f"{root} takes no job any more: its machine was given back"}
    job_directory.write_json(os.path.join(directory, "job.json"), request["job"])
    ours, theirs = os.pipe()
    if os.fork() == 0:
        os.close(ours)
        _detach(directory, request, theirs)
    os.close(theirs)
    with open(ours, "rb") as pipe:
        said = pipe.read()
    if said:
        answer: dict[str, Any] = json.loads(said)
        if "error" in answer:
            _discard(directory)
        return answer
    if job_directory.started(directory):  # and ended at once: its guard has told how
        return {"pid": job_directory.read_state(directory).get("runner_pid")}
    return {"error": f"the runner ended before it had started; see {directory}/runner.log"}


def _discard(directory: str) -> None:
    import shutil

    shutil.rmtree(directory, ignore_errors=True)


def _detach(directory: str, request: dict[str, Any], launcher: int) -> NoReturn:
    """Become the guard, with the runner as child. Both keep the lock, which they inherited."""
    try:
        os.setsid()
        os.chdir("/")
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.dup2(job_directory.open_log(directory, "runner.log"), 2)
        watched, held = os.pipe()
        guard_pid, runner_pid = os.getpid(), os.fork()
        if runner_pid == 0:
            os.close(watched)
            os.setsid()
            supervisor.Supervisor(directory, request, guard_pid, held).run(launcher)
        else:
            os.close(held)
            os.close(launcher)
            guard(directory, watched, runner_pid)
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(1)
