"""Checks of `start` and `status`: one job for one id, and its end told as it was."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runctl_core.errors import NotFound
from runctl_core.executor import JobExecutor
from runctl_core.models.jobs import JobPhase, JobStatus
from runctl_core.provider import TrainingProvider
from runctl_core.testing.check import broken, check
from runctl_core.testing.expect import raised
from runctl_core.testing.job_runs import FOREVER, JobFixtures, JobRuns
from runctl_core.testing.launcher import Launcher

_AT_ONCE = 4
_STATUS = 37
_NOBODY = "kit-nobody-1"


def _end(status: JobStatus) -> tuple[JobPhase, int | None, int | None]:
    return status.phase, status.exit_code, status.signal


class ExecutorChecks(JobFixtures):
    """What starting a job promises, and what is said of it."""

    @check("a script that ends well is told to have exit status 0", tests=("start", "status"))
    def test_exit_status_zero_is_told(self, jobs: JobRuns) -> None:
        """Runs a script that does nothing."""
        _, status = jobs.run("pass")
        if _end(status) != (JobPhase.FINISHED, 0, None) or status.ended_by:
            broken(expected="phase finished, exit code 0, no signal, ended by nobody", found=status)

    @check("a script's exit status is told exactly", tests="status")
    def test_exit_status_is_exact(self, jobs: JobRuns) -> None:
        """Runs a script that exits with a status of its own."""
        _, status = jobs.run(f"raise SystemExit({_STATUS})")
        if _end(status) != (JobPhase.FINISHED, _STATUS, None):
            broken(expected=f"phase finished, exit code {_STATUS}, no signal", found=status)

    @check("the signal that ended a script is told, and no exit status with it", tests="status")
    def test_signal_is_told(self, jobs: JobRuns) -> None:
        """Runs a script that kills itself."""
        _, status = jobs.run("import os; os.kill(os.getpid(), 9)")
        if _end(status) != (JobPhase.FINISHED, None, signal.SIGKILL) or status.ended_by:
            broken(expected="phase finished, signal 9, no exit code, ended by nobody", found=status)

    @check("a want of memory is told only where the kernel killed for it", tests="status")
    def test_oom_is_not_invented(self, jobs: JobRuns) -> None:
        """Runs a script that kills itself as the kernel would kill it."""
        _, status = jobs.run("import os; os.kill(os.getpid(), 9)")
        if status.oom:
            broken(expected="oom is False for a script that killed itself", found=status)

    @check("a program that is not there ends the job with a status and a message", profile="recommended")
    def test_missing_program_is_told(self, jobs: JobRuns) -> None:
        """Runs a program that no machine has."""
        handle = jobs.start("", command=("kit-no-such-program",))
        status = jobs.over(handle)
        if status.exit_code in (0, None) or not (status.message or jobs.log(handle)):
            broken(expected="an exit code other than 0, and a message or a log that says why", found=status)

    @check("the handle of a job is its id, so that any process finds it again", tests="start")
    def test_handle_is_the_job_id(self, jobs: JobRuns) -> None:
        """Starts a job."""
        job = jobs.job("pass")
        if (handle := jobs.executor.start(job)) != job.id:
            broken(expected=f"the handle {job.id!r}", found=handle)

    @check("a second start of the same id starts nothing", tests="start")
    def test_start_is_idempotent(self, jobs: JobRuns) -> None:
        """Starts a job again while it runs, and once more when it is over."""
        job = jobs.job("import time; print('began'); time.sleep(0.5)")
        handles = {jobs.executor.start(job), jobs.executor.start(job)}
        jobs.over(job.id)
        handles.add(jobs.executor.start(job))
        jobs.over(job.id)
        if handles != {job.id} or jobs.log(job.id) != b"began\n":
            broken(expected=f"one handle, and a script that began once: {job.id}", found=jobs.log(job.id))

    @check("starts of the same id at once start one job", tests="start")
    def test_concurrent_starts_start_one_job(self, jobs: JobRuns) -> None:
        """Starts a job from several threads."""
        job = jobs.job("import time; print('began'); time.sleep(0.5)")
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            handles = set(pool.map(jobs.executor.start, [job] * _AT_ONCE))
        jobs.over(job.id)
        if handles != {job.id} or jobs.log(job.id) != b"began\n":
            broken(expected="one handle, and a script that began once", found=(handles, jobs.log(job.id)))

    @check("a running job is told to run, since when, and to have no end yet", tests="status")
    def test_running_job_is_told(self, jobs: JobRuns) -> None:
        """Asks for the status of a script that has begun."""
        handle = jobs.start(FOREVER)
        jobs.says(handle, b"ready")
        status = jobs.executor.status(handle)
        ends = (status.exit_code, status.signal, status.ended_by, status.ended_at)
        if status.phase.over or any(end is not None for end in ends):
            broken(expected="a phase that is not over, and no end", found=status)

    @check("the moments of a job have a time zone, and are in their order", tests="status")
    def test_moments_of_a_job_are_in_order(self, jobs: JobRuns) -> None:
        """Looks at the moments of a job that is over."""
        _, status = jobs.run("pass")
        moments = [m for m in (status.started_at, status.running_at, status.ended_at) if m]
        if not status.ended_at or any(m.tzinfo is None for m in moments) or moments != sorted(moments):
            broken(expected="ended_at; started_at, running_at, ended_at in order, in UTC", found=status)

    @check("the end of a job is told the same whenever it is asked for", tests="status")
    def test_end_of_a_job_stays(self, jobs: JobRuns) -> None:
        """Asks twice for the status of a job that is over."""
        handle, first = jobs.run(f"raise SystemExit({_STATUS})")
        again = jobs.executor.status(handle)
        if (_end(again), again.ended_at) != (_end(first), first.ended_at):
            broken(expected=f"what was said at first: {first}", found=again)

    @check("a handle that was never started is not found", tests=("status", "logs", "cancel", "fetch"))
    def test_unknown_handle_is_not_found(self, executor: JobExecutor, tmp_path: Path) -> None:
        """Asks for a job that nobody started."""
        calls: dict[str, Callable[[], object]] = {
            "status": lambda: executor.status(_NOBODY),
            "logs": lambda: executor.logs(_NOBODY, 0),
            "cancel": lambda: executor.cancel(_NOBODY, 0.0),
            "fetch": lambda: executor.fetch(_NOBODY, "a", str(tmp_path / "a")),
        }
        for name, call in calls.items():
            raised(NotFound, call, when=f"from {name} of a handle that was never started")

    @check("two jobs on two machines at once do not mix", tests=("start", "status", "logs"))
    def test_two_machines_do_not_mix(
        self, provider: TrainingProvider, launch: Launcher, tmp_path: Path
    ) -> None:
        """Runs one job on each of two machines, with logs and ends of their own."""
        pair = [
            self.on(provider.executor(launch.ready()), tmp_path / name) for name in ("kit-one", "kit-two")
        ]
        handles = [
            jobs.start(f"print('job {n}'); raise SystemExit({n})") for n, jobs in enumerate(pair, start=1)
        ]
        ends = [jobs.over(handle).exit_code for jobs, handle in zip(pair, handles, strict=True)]
        logs = [jobs.log(handle) for jobs, handle in zip(pair, handles, strict=True)]
        if (ends, logs) != ([1, 2], [b"job 1\n", b"job 2\n"]):
            broken(expected="the exit codes 1 and 2, each with its own log", found=(ends, logs))

    @check("one executor may be asked by several threads at once", tests=("status", "logs"))
    def test_executor_is_thread_safe(self, jobs: JobRuns) -> None:
        """Reads one job's status and log from several threads."""
        handle, _ = jobs.run(f"print('done'); raise SystemExit({_STATUS})")

        def look(_: int) -> tuple[int | None, bytes]:
            return jobs.executor.status(handle).exit_code, jobs.executor.logs(handle, 0)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = set(pool.map(look, range(4 * _AT_ONCE)))
        if found != {(_STATUS, b"done\n")}:
            broken(expected="the same answer in every thread", found=found)
