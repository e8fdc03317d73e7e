"""Checks of how a job is ended: by a failed set-up, by a cancel, by a limit of the user's."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from runctl_core.models.jobs import EndedBy, JobPhase, JobStatus
from runctl_core.models.resources import Resource
from runctl_core.testing.check import broken, check
from runctl_core.testing.job_runs import FOREVER, JobFixtures, JobRuns

_ASKED = """
import signal, sys, time
def asked(*_):
    print('asked'); time.sleep({saving_s}); print('saved'); sys.exit(7)
signal.signal(signal.SIGTERM, asked)
print('ready')
while True: time.sleep(0.05)
"""
_DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + FOREVER
_PARENT = f"""
import subprocess, sys
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)\\n"
child += "while True: print('child', flush=True); time.sleep(0.02)"
subprocess.Popen([sys.executable, '-c', child])
{FOREVER}
"""
_LONG_GRACE_S = 60.0
_SHORT_GRACE_S = 0.5
_NO_MORE_S = 0.5
_SAVING_S = 0.7
_SOON = timedelta(seconds=3)


def _ended_by(status: JobStatus, reason: EndedBy) -> None:
    __tracebackhide__ = True
    if (status.phase, status.ended_by) != (JobPhase.FINISHED, reason):
        broken(expected=f"phase finished, ended by {reason.value}", found=status)


class JobEndsChecks(JobFixtures):
    """What ends a job, and what is said of it then."""

    @check("a set-up program that fails ends the job, and the script does not start", tests="start")
    def test_failed_setup_ends_the_job(self, jobs: JobRuns) -> None:
        """Runs a set-up program that fails, before another and the script."""
        setup = (("sh", "-c", "exit 3"), ("echo", "second"))
        handle, status = jobs.run("print('script')", setup=setup)
        _ended_by(status, EndedBy.SETUP)
        if jobs.log(handle) or jobs.executor.logs(handle, 0, log="setup"):
            broken(expected="nothing runs after the set-up program that failed", found=jobs.log(handle))

    @check("set-up programs run in their order, before the script", tests="start")
    def test_setup_runs_in_order(self, jobs: JobRuns) -> None:
        """Runs three that leave their marks in one file, which the script prints."""
        setup = tuple(("sh", "-c", f"echo {word} >> kit-order.txt") for word in ("one", "two", "three"))
        handle, _ = jobs.run("print(open('kit-order.txt').read().split())", setup=setup)
        if jobs.log(handle) != b"['one', 'two', 'three']\n":
            broken(expected="one, two, three, before the script", found=jobs.log(handle))

    @check("a cancel asks the script with SIGTERM", tests="cancel")
    def test_cancel_sends_sigterm(self, jobs: JobRuns) -> None:
        """Cancels a script that hears it."""
        handle = jobs.start(_ASKED.format(saving_s=0))
        jobs.says(handle, b"ready")
        jobs.executor.cancel(handle, _LONG_GRACE_S)
        _ended_by(jobs.over(handle), EndedBy.CANCEL)
        if b"asked" not in jobs.log(handle):
            broken(expected="the script was sent SIGTERM", found=jobs.log(handle))

    @check("a cancelled script has its grace to save what it has", tests="cancel")
    def test_cancel_honours_the_grace(self, jobs: JobRuns) -> None:
        """Cancels a script that saves for a while."""
        handle = jobs.start(_ASKED.format(saving_s=_SAVING_S))
        jobs.says(handle, b"ready")
        jobs.executor.cancel(handle, _LONG_GRACE_S)
        status = jobs.over(handle)
        if b"saved" not in jobs.log(handle) or status.exit_code != 7:
            found = (status, jobs.log(handle))
            broken(expected="the script saved, and ended by itself with exit status 7", found=found)

    @check("a script that outlives its grace is killed", tests="cancel")
    def test_cancel_kills_after_the_grace(self, jobs: JobRuns) -> None:
        """Cancels a script that ignores SIGTERM."""
        handle = jobs.start(_DEAF)
        jobs.says(handle, b"ready")
        jobs.executor.cancel(handle, _SHORT_GRACE_S)
        status = jobs.over(handle)
        _ended_by(status, EndedBy.CANCEL)
        if (status.exit_code, status.signal) != (None, 9):
            broken(expected="ended by signal 9", found=status)

    @check("a cancel ends every process of the job", tests="cancel")
    def test_cancel_ends_every_process(self, jobs: JobRuns) -> None:
        """Cancels a script whose child goes on printing, and ignores SIGTERM."""
        handle = jobs.start(_PARENT)
        jobs.says(handle, b"ready", times=2)
        jobs.executor.cancel(handle, _SHORT_GRACE_S)
        jobs.over(handle)
        then = len(jobs.log(handle))
        time.sleep(_NO_MORE_S)
        if more := jobs.executor.logs(handle, then):
            broken(expected="no process of the job lives when it is over", found=f"one prints: {more!r}")

    @check("a cancel may be asked for twice, and after the end", tests="cancel")
    def test_cancel_is_idempotent(self, jobs: JobRuns) -> None:
        """Cancels twice, and once more when the job is over."""
        handle = jobs.start(FOREVER)
        jobs.says(handle, b"ready")
        jobs.executor.cancel(handle, _SHORT_GRACE_S)
        jobs.executor.cancel(handle, _SHORT_GRACE_S)
        first = jobs.over(handle)
        jobs.executor.cancel(handle, 0.0)
        again = jobs.executor.status(handle)
        if (again.ended_by, again.ended_at) != (first.ended_by, first.ended_at):
            broken(expected=f"what was said at first: {first}", found=again)

    @check("a job that ended well is not cancelled afterwards", tests="cancel")
    def test_cancel_after_the_end_changes_nothing(self, jobs: JobRuns) -> None:
        """Cancels a job that is over."""
        handle, _ = jobs.run("pass")
        jobs.executor.cancel(handle, 0.0)
        status = jobs.executor.status(handle)
        if (status.exit_code, status.ended_by) != (0, None):
            broken(expected="exit code 0, ended by nobody", found=status)

    @check("a job is ended at its deadline, on the machine, whoever watches", tests="start")
    def test_deadline_ends_the_job(self, jobs: JobRuns, machine: Resource) -> None:
        """Asks for nothing but the log until the script was asked to end."""
        if machine.kind != "job":  # there the resource is its one job
            jobs.run("pass")  # a machine's first job may wait for the runner to be brought there
        deadline = datetime.now(UTC) + _SOON
        handle = jobs.start(_ASKED.format(saving_s=0), deadline=deadline)
        jobs.says(handle, b"asked")
        _ended_by(jobs.over(handle), EndedBy.DEADLINE)

    @check("a deadline that a budget set is told to be the budget's", profile="recommended", tests="start")
    def test_budget_ends_the_job(self, jobs: JobRuns) -> None:
        """Runs into such a deadline."""
        deadline = datetime.now(UTC) + _SOON
        _, status = jobs.run(FOREVER, deadline=deadline, deadline_is_budget=True, grace_s=1.0)
        _ended_by(status, EndedBy.BUDGET)

    @check("a job that does nothing for its idle time is ended, on the machine", tests="start")
    def test_idle_job_is_ended(self, jobs: JobRuns) -> None:
        """Asks for nothing but the log until the script was asked to end."""
        idle = "import signal, sys\ndef asked(*_):\n    print('asked'); sys.exit(7)\n"
        idle += f"signal.signal(signal.SIGTERM, asked); {FOREVER}"
        handle = jobs.start(idle, idle_s=1.0)
        jobs.says(handle, b"asked")
        _ended_by(jobs.over(handle), EndedBy.IDLE)
