"""The runner's own work: set-up, the script, its limits and its end."""

from __future__ import annotations

import json
import os
import select
import signal
import time

from . import job_directory, oom, processes, usage
from .guard import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

TICK_S = 0.2
HEARTBEAT_S = 1.0
LEFTOVER_WAIT_S = 0.5
LEFTOVER_GRACE_S = 2.0
LIVE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "live")


class Supervisor:
    """Supervises one job from its set-up to its end."""

    def __init__(self, directory: str, request: dict[str, Any], guard_pid: int, guard_pipe: int) -> None:
        self.directory = directory
        self.job: dict[str, Any] = request["job"]
        self.checkpoint_dir = job_directory.checkpoint_dir(directory, self.job)
        self.environ = _environ(directory, self.checkpoint_dir, request)
        self.meter = usage.Meter(directory, self.checkpoint_dir, self.environ, self.job["idle_s"])
        self.pid = os.getpid()
        self.guard_pipe = guard_pipe
        self.current = 0
        self.status: int | None = None
        self.kill_at: float | None = None
        self.gave_up: list[int] = []
        self.seen_cancel = (0, 0)
        self.terminated = 0
        self.next_beat = 0.0
        self.state: dict[str, Any] = {
            "phase": "setting_up" if self.job["setup"] else "starting",
            "runner_pid": self.pid,
            "guard_pid": guard_pid,
            "boot": processes.boot_id(),
            "pid": None,
            "pid_start": None,
            "exit_code": None,
            "signal": None,
            "ended_by": None,
            "oom": False,
            "started_at": time.time(),
            "running_at": None,
            "ended_at": None,
            "checkpoint_dir": self.checkpoint_dir,
            "message": "",
        }

    def run(self, launcher: int) -> NoReturn:
        """Do the whole job. `launcher` is the pipe on which the start waits for an answer."""
        try:
            self._prepare()
            answer: dict[str, Any] = {"pid": self.pid}
        except OSError as error:
            answer = {"error": job_directory.describe(error)}
        _tell(launcher, answer)
        if "pid" in answer:
            processes.prctl(processes.PR_SET_CHILD_SUBREAPER, 1)
            if self._set_up():
                self._run_script()
            self._clear()
            self._finish()
        os._exit(0)

    def _prepare(self) -> None:
        """Everything that may fail for want of disk or permission. Raises OSError."""
        os.makedirs(self.checkpoint_dir, exist_ok=True)
        self.logs = {n: job_directory.open_log(self.directory, n) for n in ("log", "setup.log")}
        self.woken, waker = os.pipe()
        os.set_blocking(self.woken, False)
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note_signal)
        self.poll = select.poll()
        self.poll.register(self.woken, select.POLLIN)
        self.poll.register(self.guard_pipe, 0)  # tells when the guard's end is closed
        self._write_state()

    def _note_signal(self, number: int, _frame: object) -> None:
        self.terminated = number

    # The job's programs

    def _set_up(self) -> bool:
        """Run the set-up programs; whether the script is to be run."""
        self._limits(time.monotonic())
        for argv in self.job["setup"]:
            if self.kill_at is not None:
                return False
            failure = self._spawn(argv, "setup.log", self.environ)
            status = self._attend()
            if self.kill_at is not None:
                return False
            if failure or status != 0:
                self.state["ended_by"] = "setup"
                self.state["message"] = failure or f"set-up failed: {argv[0]} {_words(status)}"
                return False
            self._limits(time.monotonic())
        return self.kill_at is None

    def _run_script(self) -> None:
        kills = oom.kills()
        environ = dict(self.environ)
        inherited = environ.get("PYTHONPATH")
        environ["PYTHONPATH"] = f"{LIVE}{os.pathsep}{inherited}" if inherited else LIVE
        self.meter.begin(time.monotonic())
        self.state["running_at"] = time.time()
        failure = self._spawn(self.job["command"], "log", environ)
        if not failure:
            found = processes.table().get(self.current)
            self.state.update(phase="running", pid=self.current)
            self.state["pid_start"] = found.start if found else None
            self._beat(time.monotonic())
        status = self._attend()
        self.state["ended_at"] = time.time()
        self.state["message"] = failure or self.state["message"]
        if os.WIFSIGNALED(status):
            self.state["signal"] = os.WTERMSIG(status)
        else:
            self.state["exit_code"] = os.WEXITSTATUS(status)
        self.state["oom"] = self.kill_at is None and oom.caused(status, kills, oom.kills())

    def _spawn(self, argv: list[str], log: str, environ: dict[str, str]) -> str:
        """Fork and execute as `current`; returns why it could not be executed, or nothing."""
        ours, theirs = os.pipe()
        self.status, self.current = None, os.fork()
        if self.current == 0:
            self._become(argv, self.logs[log], environ, theirs)
        os.close(theirs)
        with open(ours, "rb") as pipe:
            return pipe.read().decode(errors="replace")

    def _become(self, argv: list[str], log: int, environ: dict[str, str], report: int) -> NoReturn:
        status, doing = 126, f"enter the directory {self.job['workdir']}"
        try:
            os.setsid()
            processes.prctl(processes.PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != self.pid:
                os._exit(status)  # the runner died before we asked to be told
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.chdir(self.job["workdir"])
            doing = f"execute {argv[0]}"
            os.execvpe(argv[0], argv, environ)  # noqa: S606
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            os.write(report, f"cannot {doing}: {why}".encode(errors="replace"))
            status = 127 if isinstance(error, FileNotFoundError) else 126
        finally:
            os._exit(status)

    def _attend(self) -> int:
        """Supervise until `current` has ended; returns its wait status."""
        while self.status is None and not self.gave_up:
            self._tick()
        return signal.SIGKILL if self.status is None else self.status

    def _clear(self) -> None:
        """End what the job's programs left behind."""
        empty, patient_until, left = 0, time.monotonic() + LEFTOVER_WAIT_S, 0
        while empty < 2 and not self.gave_up:
            members = self._members(marked=True)
            empty = 0 if members else empty + 1
            if members and self.kill_at is None and time.monotonic() > patient_until:
                left = len(members)
                self._stop(None, LEFTOVER_GRACE_S)
            if members:
                self._tick()
        notes = [self.state["message"]] if self.state["message"] else []
        if left and not self.state["ended_by"]:
            notes.append(f"{left} processes that it left running were ended")
        if self.gave_up:
            notes.append(f"these processes cannot be killed: {self.gave_up}")
        self.state["message"] = "; ".join(notes)

    def _finish(self) -> None:
        self.state["phase"] = "finished"
        self.state["ended_at"] = self.state["ended_at"] or time.time()
        while os.path.isdir(self.directory):
            try:
                self._write_state(durable=True)
                break
            except OSError:
                time.sleep(HEARTBEAT_S)  # the disk is full: the end must be told some time
        try:
            os.write(self.guard_pipe, b".")
        except BrokenPipeError:
            return  # the guard died this very moment; there is nothing left to guard

    # Supervision

    def _tick(self) -> None:
        """Wait a moment, or until something happens, and do what is due then."""
        for handle, _ in self.poll.poll(TICK_S * 1000):
            if handle == self.guard_pipe:
                self._new_guard()
            else:
                os.read(self.woken, 4096)
        self._reap()
        now = time.monotonic()
        if now >= self.meter.due:
            self._sample(now)
        self._limits(now)
        if now >= self.next_beat:
            self._beat(now)

    def _reap(self) -> None:
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.current:
                self.status = status
            if pid == self.meter.gpu.pid:
                self.meter.gpu.ended()
            else:
                self.meter.reaped_cpu_s += used.ru_utime + used.ru_stime

    def _new_guard(self) -> None:
        """The guard is dead: put a child of ours in its place."""
        self.poll.unregister(self.guard_pipe)
        os.close(self.guard_pipe)
        watched, self.guard_pipe = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(self.guard_pipe)
                signal.set_wakeup_fd(-1)
                os.setsid()
                guard(self.directory, watched, self.pid)
            finally:
                os._exit(1)
        os.close(watched)
        self.poll.register(self.guard_pipe, 0)
        self.state["guard_pid"] = pid
        self._beat(time.monotonic())

    def _beat(self, now: float) -> None:
        self.next_beat = now + HEARTBEAT_S
        try:
            self._write_state()
        except OSError:
            return  # a full disk must not end the job; the next beat tries again

    def _write_state(self, *, durable: bool = False) -> None:
        self.state["heartbeat_at"] = time.time()
        self.state["log_bytes"] = os.fstat(self.logs["log"]).st_size
        path = os.path.join(self.directory, "state.json")
        job_directory.write_json(path, self.state, durable=durable)

    def _members(self, *, marked: bool = False) -> list[processes.Process]:
        """The job's processes; `marked` looks into every environment too, which takes longer."""
        found = processes.table()
        ours = {self.pid, self.state["guard_pid"], self.meter.gpu.pid}
        # Elsewhere orphans go to init. A session's number is free for others once it has ended.
        sessions = set() if processes.LINUX or self.status is not None else {self.current}
        pids = processes.family(found, {self.pid}, sessions)
        if marked:
            strays = processes.marked(found, self.directory)
            pids |= strays | processes.family(found, strays, set())
        return [found[pid] for pid in pids - ours if pid in found]

    def _sample(self, now: float) -> None:
        idle_s = self.job["idle_s"]
        period_s = min(usage.SAMPLE_S, idle_s / 5) if idle_s else usage.SAMPLE_S
        try:
            self.meter.sample(now, self._members(), os.fstat(self.logs["log"]).st_size)
        except OSError:
            self.next_beat = min(self.next_beat, now)  # a full disk: see whether beats still work
        took_s = time.monotonic() - now
        self.meter.due = now + max(period_s, 100 * took_s)  # at most 1 % of a processor

    # Limits

    def _limits(self, now: float) -> None:
        """End the job when it must end, and kill what outlives its grace."""
        grace_s = self.job["grace_s"]
        if self.terminated:
            self.state["message"] = f"the runner received signal {self.terminated}"
            self.terminated = 0
            self._stop("cancel", grace_s)
        if asked := self._asked_to_cancel():
            if self.kill_at is None and self.state["ended_at"] is None:
                self.state["message"] = asked.get("why") or self.state["message"]
            self._stop("cancel", float(asked.get("grace_s", grace_s)))
        if self.kill_at is None and self.state["ended_at"] is None:
            if self.job["deadline"] and time.time() >= self.job["deadline"]:
                self._stop("budget" if self.job["deadline_is_budget"] else "deadline", grace_s)
            elif self.state["phase"] == "running" and self.meter.idle():
                self._stop("idle", grace_s)
        if self.kill_at is not None and now >= self.kill_at:
            self._kill(now - self.kill_at)

    def _asked_to_cancel(self) -> dict[str, Any] | None:
        """A request to cancel that is new; a damaged one asks for no grace of its own."""
        path = os.path.join(self.directory, "cancel")
        try:
            found = os.stat(path)
        except OSError:
            return None
        if self.seen_cancel == (found.st_ino, found.st_mtime_ns):
            return None
        self.seen_cancel = (found.st_ino, found.st_mtime_ns)
        return job_directory.read_json(path) or {"why": ""}

    def _stop(self, reason: str | None, grace_s: float) -> None:
        """SIGTERM now, SIGKILL after the grace; a job that is being ended may only end sooner."""
        kill_at = time.monotonic() + grace_s
        if self.kill_at is not None:
            self.kill_at = min(self.kill_at, kill_at)
            return
        self.kill_at = kill_at
        if self.state["ended_at"] is None:
            self.state["ended_by"] = self.state["ended_by"] or reason
        if grace_s > 0:
            group = [-self.current] if self.current and self.status is None else []
            apart = [p.pid for p in self._members(marked=True) if [-p.session] != group]
            processes.send(group + apart, signal.SIGTERM)
            processes.send(group + apart, signal.SIGCONT)  # a stopped process hears nothing

    def _kill(self, overdue_s: float) -> None:
        pids = [p.pid for p in self._members(marked=True)]
        processes.send(pids, signal.SIGKILL)
        if overdue_s > processes.UNKILLABLE_S:
            self.gave_up = pids


def _environ(directory: str, checkpoint_dir: str, request: dict[str, Any]) -> dict[str, str]:
    """The environment of the job's programs: the machine's, the job's, the secrets, the contract."""
    environ = {**os.environ, **request["job"]["env"], **request["secrets"]}
    environ.pop("RUNCTL_RESUME_FROM", None)
    environ[processes.MARKER] = directory
    environ["RUNCTL_CHECKPOINT_DIR"] = checkpoint_dir
    if request["job"]["resume_from"]:
        environ["RUNCTL_RESUME_FROM"] = request["job"]["resume_from"]
    return environ


def _tell(launcher: int, answer: dict[str, Any]) -> None:
    try:
        os.write(launcher, json.dumps(answer).encode())
    except BrokenPipeError:
        return  # who started us was killed; the job can be found all the same
    finally:
        os.close(launcher)


def _words(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"was ended by signal {os.WTERMSIG(status)}"
    return f"exited with status {os.WEXITSTATUS(status)}"
