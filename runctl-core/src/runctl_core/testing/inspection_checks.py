"""Checks of looking into a job: its usage, its processes, a command beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runctl_core.errors import Unsupported
from runctl_core.models.jobs import Usage
from runctl_core.models.processes import Process
from runctl_core.provider import ProviderInfo
from runctl_core.testing.check import broken, check
from runctl_core.testing.driven import not_applicable
from runctl_core.testing.expect import raised
from runctl_core.testing.job_runs import FOREVER, JobFixtures, JobRuns

_CLOCKS = timedelta(minutes=10)
_BUSY = "print('ready')\nwhile True: sum(range(1000))"


def _insane(sample: Usage) -> bool:
    off = abs(sample.at - datetime.now(UTC)) > _CLOCKS
    return off or sample.cpu_percent < 0 or sample.memory_bytes < 0 or sample.processes < 0


class InspectionChecks(JobFixtures):
    """What is told of a running job."""

    @check("samples of what a job uses are sane, oldest first, or there are none", tests="usage")
    def test_usage_is_sane(self, jobs: JobRuns) -> None:
        """Looks at the samples of a busy script while it runs, and when it is over."""
        handle = jobs.start(_BUSY)
        jobs.says(handle, b"ready")
        early = list(jobs.executor.usage(handle))
        jobs.executor.cancel(handle, 0.0)
        jobs.over(handle)
        for samples in (early, list(jobs.executor.usage(handle))):
            moments = [sample.at for sample in samples]
            if moments != sorted(moments) or any(_insane(sample) for sample in samples):
                broken(expected="samples of these minutes, oldest first, nothing below zero", found=samples)

    @check("the processes of a running job are listed", needs="processes", tests="processes")
    def test_processes_are_listed(self, jobs: JobRuns) -> None:
        """Lists the processes of a script."""
        handle = jobs.start(FOREVER)
        jobs.says(handle, b"ready")
        found = list(jobs.executor.processes(handle))
        if not any(isinstance(process, Process) for process in found):
            broken(expected="the script's process", found=found)

    @check("a job that is over has no processes", needs="processes", tests="processes")
    def test_ended_job_has_no_processes(self, jobs: JobRuns) -> None:
        """Lists them when the script has ended."""
        handle, _ = jobs.run("pass")
        if found := list(jobs.executor.processes(handle)):
            broken(expected="no process", found=found)

    @check("a command beside the job runs in its directory and tells its status", needs="exec", tests="exec")
    def test_exec_runs_beside_the_job(self, jobs: JobRuns, tmp_path: Path) -> None:
        """Leaves a file beside the script, and exits with a status of its own."""
        handle = jobs.start(FOREVER, env={"KIT_VALUE": "a b"})
        jobs.says(handle, b"ready")
        status = jobs.executor.exec(handle, ["sh", "-c", 'printf %s "$KIT_VALUE" > kit-exec.txt; exit 37'])
        jobs.executor.fetch(handle, "kit-exec.txt", str(tmp_path / "kit-exec.txt"))
        written = (tmp_path / "kit-exec.txt").read_text()
        if (status, written) != (37, "a b"):
            broken(expected="exit status 37, and the job's own variable", found=(status, written))

    @check("a look into jobs that is declared absent is refused with its reason")
    @pytest.mark.parametrize("capability", ["processes", "exec"])
    def test_undeclared_looks_are_refused(self, jobs: JobRuns, info: ProviderInfo, capability: str) -> None:
        """Asks for what the provider says that it cannot do."""
        if capability not in info.unsupported:
            not_applicable(f"{capability} is not declared absent")
        handle = jobs.start(FOREVER)
        jobs.says(handle, b"ready")
        if capability == "exec":
            raised(Unsupported, lambda: jobs.executor.exec(handle, ["true"]), when="from exec")
        else:
            raised(Unsupported, lambda: jobs.executor.processes(handle), when="from processes")
