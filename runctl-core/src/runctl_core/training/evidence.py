"""Why a run failed: from evidence alone, with the command that comes next. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from runctl_core.models.jobs import EndedBy
from runctl_core.models.runs import Run, RunState
from runctl_core.training.outcome import LIMITS, signal_name

_EXCEPTION = re.compile(r"^(?:[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning))(?::.*)?$")


@frozen
class Explanation:
    """Why a run ended as it did.

    Attributes:
        summary: The cause in one line.
        evidence: What says so, a line each.
        fix: The next command.
        tail: The last lines of the script's output, or of the set-up's when that failed.
    """

    summary: str
    evidence: tuple[str, ...]
    fix: str
    tail: tuple[str, ...] = ()


def explain(run: Run, receipt: Mapping[str, Any], log: bytes, setup_log: bytes = b"") -> Explanation:
    """Explain the end of a run.

    Args:
        run: The run.
        receipt: Its receipt, or an empty mapping when there is none.
        log: The last bytes of the script's output.
        setup_log: The last bytes of the set-up programs' output.
    """
    tail = last_lines(setup_log if run.ended_by == EndedBy.SETUP else log)
    summary, evidence, fix = _cause(run, receipt, tail)
    return Explanation(summary, tuple(evidence), fix, tail)


def _cause(run: Run, receipt: Mapping[str, Any], tail: tuple[str, ...]) -> tuple[str, list[str], str]:
    resume = f"runctl resume {run.id}"
    if not run.state.over:
        return f"it has not ended: it is {run.state}", [], f"runctl status {run.id}"
    if run.state is RunState.SUCCEEDED:
        return "nothing failed: exit status 0", [], f"runctl pull {run.id}"
    if run.state is RunState.LOST:
        return "its runner died, so nobody saw how it ended", _noted(run), resume
    if run.ended_by == "launch":
        return "the script never started", _noted(run), resume
    if run.ended_by == EndedBy.SETUP:
        return "its environment could not be made", _noted(run), resume
    if run.ended_by in LIMITS:
        return _limit(run, resume)
    if run.state is RunState.CANCELLED:
        return "it was stopped with `runctl stop`", _status(run), resume
    return _own_end(run, receipt, tail)


def _limit(run: Run, resume: str) -> tuple[str, list[str], str]:
    more = {
        EndedBy.DEADLINE: " --max-hours HOURS",
        EndedBy.BUDGET: " --budget USD",
        EndedBy.IDLE: " --idle-minutes MINUTES",
    }
    by = EndedBy(str(run.ended_by))
    return f"it was {LIMITS[by]}", _status(run), resume + more[by]


def _own_end(run: Run, receipt: Mapping[str, Any], tail: tuple[str, ...]) -> tuple[str, list[str], str]:
    number = _signal_of(run)
    evidence = _status(run)
    if receipt.get("out_of_memory"):
        peak = receipt.get("peak_memory_bytes")
        evidence += ["the kernel's out-of-memory killer acted"]
        evidence += [f"the job's memory reached {peak / 1e9:.1f} GB"] if peak else []
        return "it ran out of memory", evidence, f"runctl resume {run.id} with a smaller batch"
    if number is not None:
        summary = f"the script was ended by {signal_name(number)}, not by runctl"
        return summary, evidence, f"runctl resume {run.id}"
    if run.exit_code in (126, 127):
        return "the program could not be executed", evidence + _noted(run), f"runctl logs {run.id}"
    if exception := _exception(tail):
        evidence.append(f"the last exception: {exception}")
        return f"the script raised {exception.split(':')[0]}", evidence, f"runctl logs {run.id}"
    return (
        f"the script ended itself with exit status {run.exit_code}",
        evidence,
        f"runctl logs {run.id}",
    )


def _signal_of(run: Run) -> int | None:
    if run.signal is not None:
        return run.signal
    # A wrapper such as `uv run` or a shell tells of its child's signal as 128 + N.
    if run.exit_code is not None and 128 < run.exit_code <= 128 + 64:
        return run.exit_code - 128
    return None


def _status(run: Run) -> list[str]:
    if run.signal is not None:
        return [f"ended by signal {run.signal} ({signal_name(run.signal)})"]
    return [] if run.exit_code is None else [f"exit status {run.exit_code}"]


def _noted(run: Run) -> list[str]:
    return [run.reason] if run.reason else []


def _exception(tail: tuple[str, ...]) -> str | None:
    return next((line for line in reversed(tail) if _EXCEPTION.match(line)), None)


def last_lines(data: bytes, count: int = 15) -> tuple[str, ...]:
    """The last lines of a log as text; what a carriage return overwrote is left out."""
    lines = data.decode("utf-8", errors="replace").split("\n")
    shown = [line.rstrip().rsplit("\r", 1)[-1] for line in lines]
    return tuple(line for line in shown if line)[-count:]
