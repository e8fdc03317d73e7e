"""How a job's end is judged: the run's final state, the reason in words, the exit status."""

from __future__ import annotations

import signal

from runctl_core.errors import RunEnded, RunLost, SetupError
from runctl_core.models.jobs import EndedBy, JobPhase, JobStatus
from runctl_core.models.runs import Run, RunState

LIMITS = {
    EndedBy.DEADLINE: "ended by its deadline",
    EndedBy.IDLE: "ended by its idle rule",
    EndedBy.BUDGET: "ended by its budget",
}
"""The ends that a user's own limit sets, in words."""


STOPPED = "stopped"
"""The reason of a run that was ended with `runctl stop`."""


def judge(status: JobStatus) -> tuple[RunState, str]:
    """The final state of a run whose job is over, and the reason in one line."""
    if status.phase is JobPhase.LOST:
        return RunState.LOST, status.message or "its runner died, and nobody saw how it ended"
    if status.ended_by is EndedBy.SETUP:
        return RunState.FAILED, status.message or "its set-up failed"
    if status.ended_by is EndedBy.CANCEL:
        return RunState.CANCELLED, f"{STOPPED}: {status.message}" if status.message else STOPPED
    if status.ended_by in LIMITS:
        return RunState.FAILED, LIMITS[status.ended_by]
    if status.exit_code == 0:
        return RunState.SUCCEEDED, status.message
    if status.signal is not None:
        memory = ", out of memory" if status.oom else ""
        return RunState.FAILED, f"killed by {signal_name(status.signal)}{memory}"
    return RunState.FAILED, status.message or f"exit status {status.exit_code}"


def exit_status(run: Run) -> int:
    """The exit status of `runctl train` for a run that is over: the script's, or one of ours."""
    if run.state is RunState.LOST:
        return RunLost.exit_status
    if run.ended_by in LIMITS:
        return RunEnded.exit_status
    if run.ended_by == EndedBy.SETUP:
        return SetupError.exit_status
    if run.signal is not None:
        return 128 + run.signal
    if run.state is RunState.CANCELLED:
        return 128 + signal.SIGTERM
    return run.exit_code if run.exit_code is not None else RunLost.exit_status


def signal_name(number: int) -> str:
    """`SIGKILL` for 9; `signal 99` for one without a name here."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
