"""Why a run failed: from evidence alone. The ends that real runs show are in `e2e/test_why.py`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from runctl_core.clock import now
from runctl_core.models.runs import Run, RunState
from runctl_core.training.evidence import explain, last_lines
from runctl_core.training.plan import Plan

PLAN = Plan(provider="local", command=("python3", "s.py"), workdir="/")
FAILED = Run("brave-otter-41", "n", "p", "o", "local", "s.py", "/", RunState.FAILED, now())


def _told(
    log: bytes = b"", *, plan: Plan = PLAN, receipt: dict[str, Any] | None = None, **columns: Any
) -> Any:
    return explain(evolve(FAILED, **columns), plan, receipt or {}, log)


def test_a_kernel_that_killed_for_memory_is_named_before_the_signal() -> None:
    told = _told(signal=9, receipt={"out_of_memory": True, "peak_memory_bytes": 61_500_000_000})
    assert told.summary.startswith("it ran out of memory")
    assert told.evidence == (
        "ended by signal 9 (SIGKILL)",
        "the kernel's out-of-memory killer acted",
        "the job's memory reached 61.5 GB",
    )
    assert told.fix == "runctl resume brave-otter-41"


def test_memory_that_nobody_measured_is_not_made_up() -> None:
    told = _told(signal=9, receipt={"out_of_memory": True, "peak_memory_bytes": None})
    assert len(told.evidence) == 2


def test_a_budget_is_explained_in_dollars() -> None:
    plan = evolve(PLAN, budget_usd=Decimal("5.00"))
    told = _told(plan=plan, receipt={"cost_usd": "5.0021"}, ended_by="budget", signal=15)
    assert told.summary == "it was ended by its budget"
    assert told.evidence[0] == "$5.0021 spent of $5.00"
    assert told.fix == "runctl resume brave-otter-41 --budget 5.00"


def test_a_wrapper_that_tells_of_a_signal_is_believed() -> None:
    assert _told(exit_code=139).summary == "the script was ended by SIGSEGV, not by runctl"


def test_the_last_of_several_tracebacks_counts() -> None:
    log = b"""Traceback (most recent call last):
  File "a.py", line 1, in <module>
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 3, in <module>
torch.cuda.OutOfMemoryError: CUDA out of memory.
"""
    told = _told(log, exit_code=1)
    assert told.summary == "the script raised torch.cuda.OutOfMemoryError"


def test_a_traceback_that_is_cut_still_names_its_exception() -> None:
    assert _told(b"    x = y\nValueError: bad\n", exit_code=1).summary == "the script raised ValueError"


def test_an_exit_status_without_a_traceback_is_told_as_it_is() -> None:
    assert _told(b"bye\n", exit_code=1).summary == "the script ended itself with exit status 1"


def test_progress_bars_show_what_a_person_saw_last() -> None:
    assert last_lines(b"a\r 10%\r100%\r\n\n\xff tail") == ("100%", "\ufffd tail")


@given(st.binary())
def test_any_bytes_can_be_explained(log: bytes) -> None:
    told = _told(log, exit_code=1)
    assert len(told.tail) <= 15
    assert all("\n" not in line for line in told.tail)
