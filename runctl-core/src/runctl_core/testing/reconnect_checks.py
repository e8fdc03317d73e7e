"""Checks of detaching and coming back, and of machines that go away."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from runctl_core.errors import NotFound, ProviderUnavailable, RunctlError
from runctl_core.models.jobs import EndedBy, JobPhase
from runctl_core.models.resources import Resource
from runctl_core.provider import TrainingProvider
from runctl_core.testing.check import broken, check
from runctl_core.testing.driven import Driven, not_applicable
from runctl_core.testing.expect import until
from runctl_core.testing.job_runs import FOREVER, JobFixtures, JobRuns
from runctl_core.timeouts import TooLate, within

_WORDS = "print('first'); print('second'); "
_CALLS_HOME = """
import socket, time
try:
    home = socket.create_connection(('127.0.0.1', {port}), 5)
    print('connected')
except OSError:
    print('alone')
while True: time.sleep(0.05)
"""
_ANSWER_S = 60.0


def _told_in_time(jobs: JobRuns, handle: str) -> str:
    """How the status of a job is told: its phase, or `gone` for an error that says so."""
    try:
        return within(_ANSWER_S, lambda: jobs.executor.status(handle).phase.value, name="status")
    except (NotFound, ProviderUnavailable):
        return "gone"
    except TooLate:
        return f"no answer within {_ANSWER_S:.0f} s"
    except RunctlError as error:
        return error.kind


class ReconnectChecks(JobFixtures):
    """What holds when the process that started a job is gone, or the machine."""

    @pytest.fixture
    def elsewhere(self, another_provider: TrainingProvider, machine: Resource, jobs: JobRuns) -> JobRuns:
        """The same machine as another process has it."""
        executor = another_provider.executor(another_provider.get_resource(machine.id))
        return JobRuns(executor, jobs.workdir, jobs.timeout_s)

    @check("another process finds a job by its handle, and reads on at the offset", tests="executor")
    def test_another_process_reads_on(self, jobs: JobRuns, elsewhere: JobRuns) -> None:
        """Follows with a new provider what another one started."""
        handle = jobs.start(_WORDS + FOREVER)
        jobs.says(handle, b"ready")
        rest = elsewhere.executor.logs(handle, len(b"first\n"))
        if rest != b"second\nready\n" or elsewhere.executor.status(handle).phase.over:
            broken(expected="the job runs, and its log goes on with b'second\\nready\\n'", found=rest)

    @check("another process is told how a job ended", tests="executor")
    def test_another_process_is_told_the_end(self, jobs: JobRuns, elsewhere: JobRuns) -> None:
        """Asks a new provider for the end of a job."""
        handle = jobs.start("raise SystemExit(37)")
        if (status := elsewhere.over(handle)).exit_code != 37:
            broken(expected="exit code 37", found=status)

    @check("another process can cancel a job", tests="executor")
    def test_another_process_can_cancel(self, jobs: JobRuns, elsewhere: JobRuns) -> None:
        """Cancels with a new provider what another one started."""
        handle = jobs.start(FOREVER)
        jobs.says(handle, b"ready")
        elsewhere.executor.cancel(handle, 0.0)
        if (status := elsewhere.over(handle)).ended_by is not EndedBy.CANCEL:
            broken(expected="ended by cancel", found=status)

    @check("a job that another process started is not started again", tests="start")
    def test_another_process_does_not_start_it_again(self, jobs: JobRuns, elsewhere: JobRuns) -> None:
        """Starts one job with two providers."""
        job = jobs.job("import time; print('began'); time.sleep(0.5)")
        jobs.executor.start(job)
        elsewhere.executor.start(job)
        jobs.over(job.id)
        if (log := jobs.log(job.id)) != b"began\n":
            broken(expected="a script that began once", found=log)

    @check("terminating a resource ends the processes of its jobs", tests="terminate_resource")
    def test_terminate_ends_the_job(
        self, provider: TrainingProvider, machine: Resource, jobs: JobRuns
    ) -> None:
        """Terminates under a script that holds a connection to here, which breaks when it dies."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(self.ready_s)
            handle = jobs.start(_CALLS_HOME.format(port=server.getsockname()[1]))
            until(lambda: jobs.log(handle), expected="words of the script", timeout_s=self.ready_s)
            if b"alone" in jobs.log(handle):
                not_applicable("this machine cannot be reached from the resource, so nobody sees it end")
            connection, _ = server.accept()
            with connection:
                connection.settimeout(self.ready_s)
                provider.terminate_resource(machine.id)
                try:
                    connection.recv(1)
                except TimeoutError:
                    broken(expected="no process of the job is left", found="it still runs")
                except ConnectionError:
                    return

    @check("a job whose machine vanished is never told to have ended well", tests="status")
    def test_vanished_machine_is_never_success(self, fake: Driven, machine: Resource, jobs: JobRuns) -> None:
        """Takes the machine away under a running job."""
        handle = jobs.start(FOREVER)
        jobs.says(handle, b"ready")
        fake.vanish(machine.id)
        if (told := _told_in_time(jobs, handle)) not in ("gone", JobPhase.LOST):
            expected = "phase lost, or NotFound or ProviderUnavailable"
            broken(expected=f"{expected}, within {_ANSWER_S:.0f} s", found=told)

    @check("a job whose machine was taken away is never told to have ended well", tests="status")
    def test_preempted_machine_is_never_success(self, fake: Driven, machine: Resource, jobs: JobRuns) -> None:
        """Preempts the machine under a running job."""
        handle = jobs.start(FOREVER)
        jobs.says(handle, b"ready")
        fake.preempt(machine.id)
        if _told_in_time(jobs, handle) == JobPhase.FINISHED:
            status = jobs.executor.status(handle)
            if status.exit_code == 0 or status.ended_by is EndedBy.CANCEL:
                broken(expected="a job that was taken away did not end well", found=status)

    @check("the code that was synced is there, the old tree gone", tests="sync")
    def test_changed_code_replaces_the_old(self, jobs: JobRuns, tmp_path: Path) -> None:
        """Brings a tree, changes it, and brings it again; a script lists what is there."""
        from runctl_core.sync import select

        if jobs.executor.shares_files:
            not_applicable("its machines share the files of this computer: nothing is synced")
        code = tmp_path / "kit-project"
        code.mkdir()
        (code / "old.py").write_text("print('old')\n")
        (code / "train.py").write_text("print('one')\n")
        first = jobs.executor.sync(select(str(code)))
        (code / "old.py").unlink()
        (code / "train.py").write_text("print('two')\n")
        second = jobs.executor.sync(select(str(code)))
        listing = "import os; print(sorted(os.listdir('.')), open('train.py').read())"
        handle, _ = jobs.run(listing, workdir=second)
        if jobs.log(handle) != b"['train.py'] print('two')\n\n" or not first.startswith("/"):
            broken(expected="train.py as it is now, and no old.py", found=jobs.log(handle))
