"""Providers that break one promise of their executor each."""

from __future__ import annotations

import json
import os
import signal
import uuid

from attrs import evolve

from kit.small_provider import SmallExecutor, SmallProvider, runctl_provider
from runctl_core.api import EndedBy, JobPhase, JobStatus, NotFound, ProviderUnavailable

__all__ = ["BROKEN", "runctl_provider"]


class Jobs(SmallExecutor):
    """An executor of the broken ones: it knows its provider."""

    def __init__(self, cloud, machine_id, provider):
        super().__init__(cloud, machine_id)
        self.provider = provider


class JobProvider(SmallProvider):
    """Its executors are of the class that stands in it."""

    Executor = Jobs

    def __init__(self, cloud):
        super().__init__(cloud)
        self.started = set()
        self.again = {}
        self.cancelled = {}
        self.handles = {}

    def executor(self, resource):
        return self.Executor(self.cloud, resource.id, self)


class LogOffByOne(JobProvider):
    """A log read from an offset begins a byte early."""

    breaks = "test_log_offset_is_exact"
    also = (
        "test_log_limit_is_honoured",
        "test_log_has_standard_error",
        "test_log_is_empty_at_its_end",
        "test_log_is_followed_without_loss",
        "test_another_process_reads_on",
    )

    class Executor(Jobs):
        def logs(self, handle, offset, *, limit=1 << 20, log="job"):
            early = offset - 1 if 0 < offset < 4 else offset
            return super().logs(handle, early, limit=limit, log=log)


class LogAsText(JobProvider):
    """A log is text: what is none becomes question marks."""

    breaks = "test_log_is_exact"
    also = ("test_log_offset_is_exact", "test_log_limit_is_honoured", "test_large_log_is_whole")

    class Executor(Jobs):
        def logs(self, handle, offset, *, limit=1 << 20, log="job"):
            log = super().logs(handle, offset, limit=limit, log=log)
            return log.decode("ascii", "replace").encode("ascii", "replace")


class NoLimit(JobProvider):
    """A log is read to its end, whatever was asked for."""

    breaks = "test_log_limit_is_honoured"

    class Executor(Jobs):
        def logs(self, handle, offset, *, limit=1 << 20, log="job"):
            return super().logs(handle, offset, limit=1 << 30, log=log)


class OneLog(JobProvider):
    """What set-up programs print is in the script's log."""

    breaks = "test_setup_log_is_separate"
    also = ("test_failed_setup_ends_the_job",)

    class Executor(Jobs):
        def logs(self, handle, offset, *, limit=1 << 20, log="job"):
            both = [super(Jobs, self).logs(handle, 0, limit=1 << 30, log=name) for name in ("setup", "job")]
            return b"".join(both)[offset : offset + limit]


class LosesTheStatus(JobProvider):
    """Whatever a script exits with, it is told to have failed with 1."""

    breaks = "test_exit_status_is_exact"
    also = ("test_two_machines_do_not_mix", "test_executor_is_thread_safe", "test_missing_program_is_told")

    class Executor(Jobs):
        def status(self, handle):
            status = super().status(handle)
            return evolve(status, exit_code=1) if status.exit_code else status


class SignalAsStatus(JobProvider):
    """A signal is told as an exit status."""

    breaks = "test_signal_is_told"

    class Executor(Jobs):
        def status(self, handle):
            status = super().status(handle)
            return evolve(status, exit_code=128 + status.signal, signal=None) if status.signal else status


class InventsWantOfMemory(JobProvider):
    """Whatever SIGKILL ended is told to have been killed for want of memory."""

    breaks = "test_oom_is_not_invented"

    class Executor(Jobs):
        def status(self, handle):
            status = super().status(handle)
            return evolve(status, oom=status.signal == signal.SIGKILL)


class StartsAgain(JobProvider):
    """A second start begins the script again."""

    breaks = "test_start_is_idempotent"
    also = ("test_concurrent_starts_start_one_job",)

    class Executor(Jobs):
        def start(self, job):
            real = f"{job.id}-{uuid.uuid4().hex[:4]}"
            super().start(evolve(job, id=real))
            self.provider.again.setdefault(job.id, []).append(real)
            return job.id

        def status(self, handle):
            return super().status(self._real(handle)[-1])

        def logs(self, handle, offset, *, limit=1 << 20, log="job"):
            every = b"".join(super(Jobs, self).logs(real, 0, log=log) for real in self._real(handle))
            return every[offset : offset + limit]

        def cancel(self, handle, grace_s):
            super().cancel(self._real(handle)[-1], grace_s)

        def _real(self, handle):
            return self.provider.again.get(handle, [handle])


class CancelsTheParent(JobProvider):
    """A cancel kills the script, and what it started lives on."""

    breaks = "test_cancel_ends_every_process"
    also = ("test_cancel_sends_sigterm", "test_cancel_honours_the_grace")

    class Executor(Jobs):
        def cancel(self, handle, grace_s):
            status = self.status(handle)
            if status.phase.over:
                return
            state = json.loads(self.wire.read(f"{self.home}/jobs/{handle}/state.json", 0, 1 << 20))
            self.provider.cancelled[handle] = evolve(
                status, phase=JobPhase.FINISHED, signal=9, ended_by=EndedBy.CANCEL, ended_at=status.started_at
            )
            pids = (state["guard_pid"], state["runner_pid"], state["pid"])
            for end in (signal.SIGSTOP, signal.SIGKILL):  # none sees the end of another
                for pid in pids:
                    os.kill(pid, end)

        def status(self, handle):
            return self.provider.cancelled.get(handle) or super().status(handle)


class NoGrace(JobProvider):
    """A cancel kills at once."""

    breaks = "test_cancel_honours_the_grace"
    also = ("test_cancel_sends_sigterm",)

    class Executor(Jobs):
        def cancel(self, handle, grace_s):
            super().cancel(handle, 0.0)


class EndlessGrace(JobProvider):
    """A script that ignores SIGTERM is never killed."""

    breaks = "test_cancel_kills_after_the_grace"
    also = ("test_cancel_ends_every_process",)
    ready_s = 4

    class Executor(Jobs):
        def cancel(self, handle, grace_s):
            super().cancel(handle, 3600.0 if grace_s else 0.0)


class IgnoresTheDeadline(JobProvider):
    """The deadline is kept by whoever asks for the status, and by nobody else."""

    breaks = "test_deadline_ends_the_job"
    also = ("test_budget_ends_the_job",)
    ready_s = 4

    class Executor(Jobs):
        def start(self, job):
            return super().start(evolve(job, deadline=None))


class WritesSecrets(JobProvider):
    """Secrets are among the variables that stand in the job's file."""

    breaks = "test_secrets_are_written_nowhere"

    class Executor(Jobs):
        def start(self, job):
            return super().start(evolve(job, env={**job.env, **job.secrets}, secrets={}))


class FetchesHalf(JobProvider):
    """A fetch that fails has made its target already."""

    breaks = "test_fetch_is_whole_or_not_at_all"

    class Executor(Jobs):
        def fetch(self, handle, path, to):
            if "none" in path and not os.path.exists(to):  # what a stream that broke off leaves
                os.close(os.open(to, os.O_CREAT))
            super().fetch(handle, path, to)


class CannotComeBack(JobProvider):
    """Only the object that started a job knows it."""

    breaks = "test_another_process_reads_on"
    also = ("test_another_process_is_told_the_end", "test_another_process_can_cancel")

    class Executor(Jobs):
        def start(self, job):
            self.provider.started.add(job.id)
            return super().start(job)

        def status(self, handle):
            self.know(handle)
            return super().status(handle)

        def logs(self, handle, offset, **options):
            self.know(handle)
            return super().logs(handle, offset, **options)

        def cancel(self, handle, grace_s):
            self.know(handle)
            super().cancel(handle, grace_s)

        def know(self, handle):
            if handle not in self.provider.started:
                raise NotFound(f"no job {handle}")


class HandlesOfItsOwn(JobProvider):
    """A job's handle is no id that a later process could know."""

    breaks = "test_handle_is_the_job_id"
    also = ("test_start_is_idempotent", "test_concurrent_starts_start_one_job")

    class Executor(Jobs):
        def start(self, job):
            handle = uuid.uuid4().hex
            self.provider.handles[handle] = super().start(job)
            return handle

        def status(self, handle):
            return super().status(self.provider.handles.get(handle, handle))

        def logs(self, handle, offset, **options):
            return super().logs(self.provider.handles.get(handle, handle), offset, **options)

        def cancel(self, handle, grace_s):
            super().cancel(self.provider.handles.get(handle, handle), grace_s)


class GoneIsFinished(JobProvider):
    """A machine that does not answer is taken for a job that ended well."""

    breaks = "test_vanished_machine_is_never_success"
    also = ("test_preempted_machine_is_never_success",)

    class Executor(Jobs):
        def status(self, handle):
            try:
                return super().status(handle)
            except ProviderUnavailable:
                return JobStatus(JobPhase.FINISHED, exit_code=0)


class LeavesJobs(JobProvider):
    """A terminated machine's processes live on."""

    breaks = "test_terminate_ends_the_job"
    ready_s = 4

    def terminate_resource(self, resource_id):
        if any(m.id == resource_id and not m.gone for m in self.cloud.machines()):
            self.cloud.leave(resource_id)


BROKEN = (
    LogOffByOne,
    LogAsText,
    NoLimit,
    OneLog,
    LosesTheStatus,
    SignalAsStatus,
    InventsWantOfMemory,
    StartsAgain,
    CancelsTheParent,
    NoGrace,
    EndlessGrace,
    IgnoresTheDeadline,
    WritesSecrets,
    FetchesHalf,
    CannotComeBack,
    HandlesOfItsOwn,
    GoneIsFinished,
    LeavesJobs,
)
