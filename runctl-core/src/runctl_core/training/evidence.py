"""Why a run failed: from evidence alone, with the command that comes next. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from runctl_core.clock import iso
from runctl_core.models.jobs import EndedBy
from runctl_core.models.runs import Run, RunState
from runctl_core.training.outcome import LIMITS, STOPPED, signal_name
from runctl_core.training.plan import Plan

_EXCEPTION = re.compile(r"^(?:[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning))(?::.*)?$")

_TRACEBACK = "Traceback (most recent call last):"
_SHOWN = 15


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


def explain(
    run: Run, plan: Plan, receipt: Mapping[str, Any], log: bytes, setup_log: bytes = b""
) -> Explanation:
    """Explain the end of a run.

    Args:
        run: The run.
        plan: What it was asked to do.
        receipt: Its receipt, or an empty mapping when there is none.
        log: The last bytes of the script's output.
        setup_log: The last bytes of the set-up programs' output.
    """
    lines = last_lines(setup_log if run.ended_by == EndedBy.SETUP else log)
    summary, evidence, fix = _cause(run, plan, receipt, lines)
    return Explanation(summary, tuple(evidence), fix, lines[-_SHOWN:])


def _cause(
    run: Run, plan: Plan, receipt: Mapping[str, Any], lines: Sequence[str]
) -> tuple[str, list[str], str]:
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
        return _limit(run, plan, receipt)
    if run.state is RunState.CANCELLED:
        by_hand = run.reason == STOPPED
        summary = "it was stopped with `runctl stop`" if by_hand else f"it was {run.reason}"
        return summary, _status(run), resume
    return _own_end(run, receipt, lines)


def _limit(run: Run, plan: Plan, receipt: Mapping[str, Any]) -> tuple[str, list[str], str]:
    by = EndedBy(str(run.ended_by))
    if by is EndedBy.IDLE:
        evidence = [f"no output, checkpoint or work for {plan.idle_minutes:g} min"]
        more = f"--idle-minutes {2 * plan.idle_minutes:g}"
    elif by is EndedBy.BUDGET:
        evidence = [f"${receipt.get('cost_usd', '?')} spent of ${plan.budget_usd}"]
        more = f"--budget {plan.budget_usd}"
    else:
        evidence = [f"the deadline was {iso(run.deadline)}"] if run.deadline else []
        more = f"--max-hours {plan.max_hours or 1:g}"
    return f"it was {LIMITS[by]}", evidence + _status(run), f"runctl resume {run.id} {more}"


def _own_end(run: Run, receipt: Mapping[str, Any], lines: Sequence[str]) -> tuple[str, list[str], str]:
    number = _signal_of(run)
    evidence = _status(run)
    resume, logs = f"runctl resume {run.id}", f"runctl logs {run.id}"
    if receipt.get("out_of_memory"):
        peak = receipt.get("peak_memory_bytes")
        evidence += ["the kernel's out-of-memory killer acted"]
        evidence += [f"the job's memory reached {peak / 1e9:.1f} GB"] if peak else []
        return "it ran out of memory: it needs a smaller batch or a bigger machine", evidence, resume
    if number is not None:
        return f"the script was ended by {signal_name(number)}, not by runctl", evidence, resume
    if run.exit_code in (126, 127):
        return "the program could not be executed", evidence + _noted(run), resume
    if run.exit_code == 1 and (exception := _exception(lines)):
        evidence.append(f"the last exception: {exception}")
        return f"the script raised {exception.split(':')[0]}", evidence, logs
    return f"the script ended itself with exit status {run.exit_code}", evidence, logs


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


def _exception(lines: Sequence[str]) -> str | None:
    """What follows the last traceback; its message may go on over many lines."""
    begun = next((i for i in reversed(range(len(lines))) if lines[i] == _TRACEBACK), None)
    if begun is None:
        return next((line for line in reversed(lines) if _EXCEPTION.match(line)), None)
    return next((line for line in lines[begun + 1 :] if not line.startswith(" ")), None)


def last_lines(data: bytes) -> tuple[str, ...]:
    """The lines of the end of a log as text; what a carriage return overwrote is left out."""
    lines = data.decode("utf-8", errors="replace").split("\n")
    shown = [line.rstrip().rsplit("\r", 1)[-1] for line in lines]
    return tuple(line for line in shown if line)
