"""A job: one execution of a script on a resource, and what is known of it while and after it runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from attrs import astuple, field, frozen


class JobPhase(StrEnum):
    """Where a job stands on its machine."""

    STARTING = "starting"
    SETTING_UP = "setting_up"
    RUNNING = "running"
    FINISHED = "finished"
    LOST = "lost"

    @property
    def over(self) -> bool:
        """Whether nothing of the job runs any more."""
        return self in (JobPhase.FINISHED, JobPhase.LOST)


class EndedBy(StrEnum):
    """Who ended a job, when it did not end by itself."""

    CANCEL = "cancel"
    DEADLINE = "deadline"
    IDLE = "idle"
    BUDGET = "budget"
    SETUP = "setup"
    RUNNER_DIED = "runner_died"


@frozen
class Job:
    """What a `JobExecutor` is asked to run.

    Attributes:
        id: Names the job on its machine; the same id is never started twice. `RUN-ATTEMPT`.
        command: The program and its arguments.
        setup: Programs to run first, in order; the first that fails ends the job.
        workdir: The directory that the command runs in, on the machine.
        env: Environment variables added to the machine's own. No secrets.
        secrets: More of them. The runner gets them through a pipe; they are written nowhere.
        resume_from: The checkpoint to continue from, a path on this computer; None for a fresh start.
        checkpoint_dir: Where checkpoints go; None lets the executor choose a place of its own.
        deadline: When the runner ends the job.
        deadline_is_budget: Whether the deadline was computed from a budget in dollars.
        idle_s: Seconds without output, checkpoint or work after which the runner ends the job; 0 never.
        grace_s: Seconds between SIGTERM and SIGKILL.
    """

    id: str
    command: tuple[str, ...]
    workdir: str
    setup: tuple[tuple[str, ...], ...] = ()
    env: Mapping[str, str] = field(factory=dict)
    secrets: Mapping[str, str] = field(factory=dict, repr=False)
    resume_from: str | None = None
    checkpoint_dir: str | None = None
    deadline: datetime | None = None
    deadline_is_budget: bool = False
    idle_s: float = 0.0
    grace_s: float = 10.0


@frozen
class JobStatus:
    """What the runner, or a job service, says of a job.

    Attributes:
        phase: Where it stands.
        pid: The script's process id on its machine, when there is one.
        exit_code: The script's exit status; None while it runs or when a signal ended it.
        signal: The number of the signal that ended it; None otherwise.
        ended_by: Who ended it, when it did not end by itself.
        oom: Whether the kernel killed it, or one of its processes, for want of memory.
        started_at: When set-up began, or the script where there is no set-up.
        running_at: When the script itself began; None before that.
        ended_at: When it ended.
        heartbeat_at: When the runner last said that it lives.
        log_bytes: Size of the log so far.
        checkpoint_dir: Where the job's checkpoints are, on its machine.
        message: A line of explanation: which set-up program failed, what could not be executed.
    """

    phase: JobPhase
    pid: int | None = None
    exit_code: int | None = None
    signal: int | None = None
    ended_by: EndedBy | None = None
    oom: bool = False
    started_at: datetime | None = None
    running_at: datetime | None = None
    ended_at: datetime | None = None
    heartbeat_at: datetime | None = None
    log_bytes: int = 0
    checkpoint_dir: str | None = None
    message: str = ""


@frozen
class Usage:
    """One sample of what a job uses. What nobody could tell is None.

    Rates are averages over the time since the sample before. A sample of more than a few minutes
    ago stands for about a minute: averages, and the worst of memory, disk and temperature.

    Attributes:
        at: When it was taken.
        cpu_percent: 100 is one processor, busy.
        memory_bytes: Resident memory of all the job's processes; what they share counts in each.
        processes: How many processes the job has.
        disk_free_bytes: Free space where the job writes.
        gpu_percent: Utilisation of the job's GPUs, averaged; None without one.
        gpu_memory_bytes: Memory in use on them, together; None without one.
        cpus: How many processors the job may keep busy.
        memory_total_bytes: The machine's memory, or its container's limit.
        memory_available_bytes: How much of that can still be had, whoever has the rest.
        disk_read_bytes_per_s: What the job's processes read from disks, the page cache left out.
        disk_write_bytes_per_s: What they write to disks.
        network_received_bytes_per_s: What the whole machine receives, whoever asked for it.
        network_sent_bytes_per_s: What the whole machine sends.
        gpu_memory_total_bytes: Memory of the job's GPUs, together.
        gpu_temperature_c: The hottest of them, in degrees Celsius.
        gpu_power_w: What they draw together, in watts.
    """

    at: datetime
    cpu_percent: float
    memory_bytes: int
    processes: int
    disk_free_bytes: int | None = None
    gpu_percent: float | None = None
    gpu_memory_bytes: int | None = None
    cpus: int | None = None
    memory_total_bytes: int | None = None
    memory_available_bytes: int | None = None
    disk_read_bytes_per_s: float | None = None
    disk_write_bytes_per_s: float | None = None
    network_received_bytes_per_s: float | None = None
    network_sent_bytes_per_s: float | None = None
    gpu_memory_total_bytes: int | None = None
    gpu_temperature_c: float | None = None
    gpu_power_w: float | None = None

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for a moment without a time zone, or a figure that is none."""
        figures = astuple(self, recurse=False)[1:]
        if self.at.tzinfo is None or not all(f is None or math.isfinite(f) for f in figures):
            raise ValueError(f"no sample: {self!r:.200}")
