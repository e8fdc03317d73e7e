"""How an end is judged: state, reason and exit status for every way in which a job can be over."""

from __future__ import annotations

import signal

import pytest

from runctl_core.clock import now
from runctl_core.models.jobs import EndedBy, JobPhase, JobStatus
from runctl_core.models.runs import Run, RunState
from runctl_core.training.outcome import exit_status, judge, signal_name


def _finished(**columns: object) -> JobStatus:
    return JobStatus(JobPhase.FINISHED, **columns)  # type: ignore[arg-type]


ENDS = {
    "success": (_finished(exit_code=0), RunState.SUCCEEDED, "", 0),
    "own failure": (_finished(exit_code=3), RunState.FAILED, "exit status 3", 3),
    "a status of runctl's own range": (_finished(exit_code=104), RunState.FAILED, "exit status 104", 104),
    "signal": (_finished(signal=11), RunState.FAILED, "killed by SIGSEGV", 139),
    "memory": (_finished(signal=9, oom=True), RunState.FAILED, "killed by SIGKILL, out of memory", 137),
    "stop": (_finished(signal=15, ended_by=EndedBy.CANCEL), RunState.CANCELLED, "stopped", 143),
    "stop, and the script ends well": (
        _finished(exit_code=0, ended_by=EndedBy.CANCEL),
        RunState.CANCELLED,
        "stopped",
        143,
    ),
    "shutdown of the machine": (
        _finished(signal=15, ended_by=EndedBy.CANCEL, message="the runner received signal 15"),
        RunState.CANCELLED,
        "stopped: the runner received signal 15",
        143,
    ),
    "deadline": (
        _finished(exit_code=0, ended_by=EndedBy.DEADLINE),
        RunState.FAILED,
        "ended by its deadline",
        116,
    ),
    "idle": (_finished(signal=15, ended_by=EndedBy.IDLE), RunState.FAILED, "ended by its idle rule", 116),
    "budget": (_finished(signal=9, ended_by=EndedBy.BUDGET), RunState.FAILED, "ended by its budget", 116),
    "set-up": (
        _finished(ended_by=EndedBy.SETUP, message="uv exited with status 2"),
        RunState.FAILED,
        "uv exited with status 2",
        111,
    ),
    "cannot be executed": (
        _finished(exit_code=127, message="cannot execute x: No such file"),
        RunState.FAILED,
        "cannot execute x: No such file",
        127,
    ),
    "lost": (
        JobStatus(JobPhase.LOST),
        RunState.LOST,
        "its runner died, and nobody saw how it ended",
        112,
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_every_end_has_its_state_reason_and_exit_status(end: str) -> None:
    status, state, reason, code = ENDS[end]
    assert judge(status) == (state, reason)
    run = Run(
        "brave-otter-41",
        "n",
        "p",
        "o",
        "local",
        "s.py",
        "/",
        state,
        now(),
        exit_code=status.exit_code,
        signal=status.signal,
        ended_by=status.ended_by and str(status.ended_by),
    )
    assert exit_status(run) == code


def test_signals_have_names_also_those_that_this_system_does_not_know() -> None:
    assert signal_name(signal.SIGKILL) == "SIGKILL"
    assert signal_name(99) == "signal 99"
