"""Runs jobs on a machine that a `Transport` reaches: starts the runner there and reads its files.

Where files are shared, the installed runner is used and asked in this very process; elsewhere it
is copied to ROOT/.runner-<version>/ when it is first needed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from runctl_core.errors import NotFound, SetupError, StateError, UnknownOutcome, UsageError
from runctl_core.executor import JobExecutor, LogName, in_silence
from runctl_core.models.jobs import JobStatus, Usage
from runctl_core.runner_files import job_to_json, process_from_json, status_from_json, usage_from_json
from runctl_core.runner_programs import LIST, NOT_THERE, PROGRAM, SETTLE, digest, sources
from runctl_core.transport import Transport

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from runctl_core.models.jobs import Job
    from runctl_core.models.processes import Process
    from runctl_core.sync.selection import Selection

STALE_S = 5.0
"""A heartbeat that differs by more from our clock is no proof of life: the machine is asked."""

_BIG = 1 << 24
_START_TIMEOUT_S = 120.0
_ANSWERS = {"destroy": "survivors", "processes": "processes"}
_LOGS: Mapping[LogName, str] = {"job": "log", "setup": "setup.log"}


class RunnerExecutor(JobExecutor):
    """Jobs under `root`, a directory on the machine.

    Args:
        transport: How the machine is reached.
        root: A path there, absolute or below `~/`, the home there; made when it is missing.
        python: The interpreter there, 3.8 or later; by default our own where files are shared,
            and `python3` elsewhere.
        env: Variables that every job there has, whatever its own say: such as which GPUs are its own.
    """

    def __init__(
        self,
        transport: Transport,
        root: str,
        *,
        python: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.shares_files = transport.shares_files
        self._transport = transport
        self._given_root = root
        self._env = dict(env or {})
        self._python = python or (sys.executable if transport.shares_files else "python3")

    @cached_property
    def _root(self) -> str:
        """The absolute path of the root there; the machine is asked for its home when it is below that."""
        if not self._given_root.startswith("~/"):
            return self._given_root
        done = self._transport.run(["sh", "-c", 'printf %s "$HOME"'], timeout_s=_START_TIMEOUT_S)
        home = os.fsdecode(done.stdout)
        if done.status != 0 or not home.startswith("/"):
            raise SetupError(
                f"the home on the machine is not known, and {self._given_root} is in it",
                why=done.stderr.decode(errors="replace").strip() or f"HOME is {home!r} there",
                fix="give its user a home directory",
            )
        return os.path.join(home, self._given_root[2:])

    def start(self, job: Job) -> str:
        """See `JobExecutor.start`."""
        self._directory(job.id)
        secrets = {name: value for name, value in job.secrets.items() if name not in self._env}
        request = {"job": job_to_json(job), "secrets": secrets}
        request["job"]["env"] |= self._env
        if job.resume_from and not self.shares_files:
            request["job"]["resume_from"] = self._upload(job.id, job.resume_from)
        done = self._run("start", self._root, input=json.dumps(request).encode())
        if "error" in done:
            raise SetupError(
                f"the job {job.id} could not be started",
                why=done["error"],
                fix=f"make {self._root} writable and make room on its disk, then try again",
            )
        return job.id

    def status(self, handle: str) -> JobStatus:
        """See `JobExecutor.status`. Raises StateError for a state file that stays damaged."""
        directory = self._directory(handle)
        status = self._read_status(directory)
        if status and (status.phase.over or _fresh(status)):
            return status
        deadline = time.monotonic() + STALE_S
        while True:
            answer = self._ask("check", directory)
            status = self._read_status(directory)
            if answer == "none":
                raise NotFound(f"no job {handle} was started here")
            if status:
                return status
            if time.monotonic() > deadline:
                raise StateError(
                    f"the state of the job {handle} cannot be read",
                    why=f"{directory}/state.json is damaged, and its runner does not mend it",
                    fix="make room on that disk; the runner writes its state every second",
                )
            time.sleep(0.1)

    def logs(self, handle: str, offset: int, *, limit: int = 1 << 20, log: LogName = "job") -> bytes:
        """See `JobExecutor.logs`. Raises NotFound for a handle that was never started here."""
        return self._transport.read(f"{self._directory(handle)}/{_LOGS[log]}", offset, limit)

    def cancel(self, handle: str, grace_s: float) -> None:
        """See `JobExecutor.cancel`. A second call with a smaller grace shortens the first."""
        if self._ask("cancel", self._directory(handle), grace_s) == "none":
            raise NotFound(f"no job {handle} was started here")

    def fetch(self, handle: str, path: str, to: str) -> None:
        """See `JobExecutor.fetch`."""
        if not path.startswith("/"):
            path = os.path.normpath(os.path.join(self._job(handle)["workdir"], path))
        self._transport.get(path, to)

    def files(self, handle: str, path: str) -> Mapping[str, tuple[int, int]]:  # noqa: ARG002
        """See `JobExecutor.files`. Raises UnknownOutcome when the machine's answer does not come whole."""
        argv = [self._python, "-I", "-S", "-X", "utf8", "-c", LIST, path]
        done = self._transport.run(argv, timeout_s=_START_TIMEOUT_S)
        if done.status == NOT_THERE:
            raise NotFound(f"no folder {path}")
        try:
            return {name: (size, changed) for name, size, changed in json.loads(done.stdout)}
        except (ValueError, TypeError) as error:
            raise UnknownOutcome(
                f"the files in {path} could not be listed (exit status {done.status})",
                why=done.stderr.decode(errors="replace").strip()[-500:],
            ) from error

    def usage(self, handle: str) -> Sequence[Usage]:
        """See `JobExecutor.usage`."""
        try:
            data = self._transport.read(f"{self._directory(handle)}/usage.json", 0, _BIG)
        except NotFound:
            return []
        try:
            rows = json.loads(data)["samples"]
            return [usage_from_json(row) for row in rows]
        except (ValueError, KeyError, TypeError, OverflowError):
            return []  # damaged by hand; the runner writes it anew within seconds

    def sync(self, code: Selection, *, progress: Callable[[int, int], None] = in_silence) -> str:
        """See `JobExecutor.sync`. Raises SetupError, StateError, Refused or ProviderUnavailable."""
        from runctl_core.sync import send

        folder = f"{self._root}/code"
        return send(self._transport, code, folder, python=self._python, progress=progress).tree

    def processes(self, handle: str) -> Sequence[Process]:
        """See `JobExecutor.processes`."""
        rows = self._ask("processes", self._directory(handle))
        if rows is None:
            raise NotFound(f"no job {handle} was started here")
        return [process_from_json(row) for row in rows]

    def exec(self, handle: str, argv: Sequence[str]) -> int:
        """See `JobExecutor.exec`. The job's secrets are not in its environment."""
        from runctl_core.runner import job_directory

        job, directory = self._job(handle), self._directory(handle)
        env = {
            **job["env"],
            "RUNCTL_CHECKPOINT_DIR": job_directory.checkpoint_dir(directory, job),
            "RUNCTL_JOB": f"{directory}/exec",  # `destroy` finds it by this; the job's end does not
        }
        if job["resume_from"]:
            env["RUNCTL_RESUME_FROM"] = job["resume_from"]
        return self._transport.stream(argv, cwd=job["workdir"], env=env)

    def forward(self, local_port: int, host: str, port: int) -> AbstractContextManager[int]:
        """See `JobExecutor.forward`."""
        return self._transport.forward(local_port, host, port)

    def destroy(self) -> None:
        """End every job under the root at once, and return when no process of them is left.

        Raises:
            StateError: A process cannot be killed, or a directory cannot be written.
            SetupError: There is no Python any more on a machine where jobs were started.
        """
        try:
            survivors = self._ask("destroy", self._root)
        except SetupError:
            if self._transport.run(["test", "-d", self._root]).status != 1:
                raise  # it is there, or nobody can tell
            return  # nothing was ever started there
        if survivors:
            raise StateError(
                f"{len(survivors)} processes cannot be killed",
                why=f"the kernel does not let go of {survivors}",
                fix="wait for their disks or devices, then try again; else start the machine anew",
            )

    def _directory(self, job_id: str) -> str:
        if not job_id or job_id.startswith(".") or "/" in job_id or "\0" in job_id:
            raise UsageError(f"{job_id!r} is no job's name")
        return f"{self._root}/{job_id}"

    def _job(self, handle: str) -> dict[str, Any]:
        path = f"{self._directory(handle)}/job.json"
        try:
            job: dict[str, Any] = json.loads(self._transport.read(path, 0, _BIG))
        except ValueError as error:
            raise StateError(f"{path} is damaged", why=str(error)) from error
        return job

    def _read_status(self, directory: str) -> JobStatus | None:
        """The state that the runner wrote; None when it is missing or damaged."""
        try:
            return status_from_json(self._transport.read(f"{directory}/state.json", 0, _BIG))
        except (NotFound, ValueError, KeyError, TypeError):
            return None

    def _ask(self, verb: str, path: str, *more: float) -> Any:
        """What the runner's program answers: in this process where the files are."""
        if not self.shares_files:
            done = self._run(verb, path, *map(str, more))
            if "error" in done:
                _unreadable(path, done["error"])
            return done[_ANSWERS.get(verb, "job")]
        from runctl_core.runner import job_directory, members

        try:
            return members.members(path) if verb == "processes" else getattr(job_directory, verb)(path, *more)
        except OSError as error:
            _unreadable(path, job_directory.describe(error))

    def _run(self, *argv: str, input: bytes = b"") -> dict[str, Any]:
        """Run the runner's program on the machine, and put it there first when it is missing."""
        home = self._home()
        command = [self._python, "-I", "-S", "-X", "utf8", "-c", PROGRAM, home, *argv]
        done = self._transport.run(command, input=input, timeout_s=_START_TIMEOUT_S)
        if done.status == NOT_THERE and not self.shares_files:
            self._install(home)
            done = self._transport.run(command, input=input, timeout_s=_START_TIMEOUT_S)
        if done.status in (126, 127):
            raise SetupError(
                f"there is no {self._python} on the machine",
                why=done.stderr.decode(errors="replace").strip(),
                fix="install Python 3.8 or later there",
            )
        try:
            answer: dict[str, Any] = json.loads(done.stdout)
        except ValueError as error:
            raise UnknownOutcome(
                f"the runner did not answer to {argv[0]} (exit status {done.status})",
                why=done.stderr.decode(errors="replace").strip()[-500:],
                fix="runctl ps",
            ) from error
        return answer

    def _home(self) -> str:
        """The folder on the machine that has the package `runner`."""
        if self.shares_files:
            return os.path.dirname(os.path.abspath(__file__))
        return f"{self._root}/.runner-{digest()}"

    def _install(self, home: str) -> None:
        """Put the program there beside `home`, and give it its name when it is whole.

        Whoever else does so at the same moment puts the same: the first one's stays, never missing for
        a moment, because others run it already.
        """
        fresh = f"{home}.{os.urandom(4).hex()}"
        self._make(fresh)
        self._transport.put(os.path.dirname(sources()[0]), f"{fresh}/runner")
        self._transport.run([self._python, "-I", "-S", "-c", SETTLE, fresh, home])

    def _upload(self, job_id: str, path: str) -> str:
        folder = f"{self._root}/.resume/{job_id}"
        target = f"{folder}/{os.path.basename(os.path.abspath(path))}"
        if self._transport.run(["test", "-e", target], timeout_s=_START_TIMEOUT_S).status == 0:
            return target  # of a start that is made again: what is there is whole
        self._make(folder)
        self._transport.put(path, target)
        return target

    def _make(self, folder: str) -> None:
        done = self._transport.run(["sh", "-c", 'umask 077; exec mkdir -p -- "$1"', "sh", folder])
        if done.status != 0:
            raise SetupError(
                f"cannot make the folder {folder} on the machine",
                why=done.stderr.decode(errors="replace").strip(),
                fix=f"make {self._root} writable there, and make room on its disk",
            )


def _unreadable(path: str, why: str) -> NoReturn:
    raise StateError(
        f"the job's directory {path} cannot be read or written",
        why=why,
        fix=f"make {path} yours and writable, and make room on its disk",
    )


def _fresh(status: JobStatus) -> bool:
    if status.heartbeat_at is None:
        return False
    return abs(time.time() - status.heartbeat_at.timestamp()) <= STALE_S
