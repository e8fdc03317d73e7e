"""`errors.md`: every kind of error, and every exit status, from the classes and from how runs are judged."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pages.markdown import code, docstring, table
from runctl_core import errors
from runctl_core.errors import INTERNAL_FAULT, RunctlError, Scope
from runctl_core.models.jobs import EndedBy
from runctl_core.models.runs import Run, RunState
from runctl_core.training.outcome import exit_status

_INTRODUCTION = """\
# Errors and exit statuses

An error says what happened, why, and the command that mends it, on standard error:

    error: no run brave-oter-41
      why: near ones: brave-otter-41
      fix: runctl runs lists them

`RUNCTL_DEBUG=1` adds where in the code it was raised.

## Kinds

The exit status of `runctl` tells the kind. A kind below another is a special case of it. Trying again
may help with those that are marked so.
"""
_RUNS = """\
## Exit statuses of runs

`train`, `resume` and `attach` end as the script did. A script whose own status is one that stands
here is told apart by `runctl status RUN --json`, which has the kind of end.
"""
_OTHERS = "## Other exit statuses\n"
_REACH = """\
## How far an error reaches

An error of a provider says how far it reaches (`scope`), and so what is worth trying next.
"""


def page() -> str:
    """The whole page."""
    kinds = [
        (
            f"{'&nbsp;&nbsp;' * depth}`{kind.__name__}`",
            code(str(kind.exit_status)),
            _retry(kind),
            _meaning(kind),
        )
        for kind, depth in tree()
    ]
    others = [
        ("`0`", "Done."),
        (
            code(str(INTERNAL_FAULT)),
            "A fault of runctl itself. Where it happened is kept in a file that is named.",
        ),
        ("`130`", "Ctrl-C ended the command, or detached from a run that goes on."),
        ("`141`", "The reader of standard output has gone, as with `runctl logs RUN | head`."),
    ]
    return "\n".join(
        [
            _INTRODUCTION,
            table(("Kind", "Exit status", "Try again", "Meaning"), kinds),
            _RUNS,
            table(("How the run ended", "Exit status"), list(run_statuses())),
            _OTHERS,
            table(("Exit status", "Meaning"), others),
            _REACH,
            table(("Scope", "Where it may work"), [(code(str(scope)), _ELSEWHERE[scope]) for scope in Scope]),
        ]
    )


_ELSEWHERE = {
    Scope.OFFER: "With another offer of the same zone.",
    Scope.ZONE: "In another zone of the region.",
    Scope.REGION: "In another region.",
    Scope.ACCOUNT: "With another account or provider.",
}


def tree(kind: type[RunctlError] = RunctlError, depth: int = -1) -> Iterator[tuple[type[RunctlError], int]]:
    """Every kind with its depth, a kind before its special cases, in the order of the code."""
    if depth >= 0:
        yield kind, depth
    order = list(vars(errors))
    for special in sorted(kind.__subclasses__(), key=lambda special: order.index(special.__name__)):
        yield from tree(special, depth + 1)


def _retry(kind: type[RunctlError]) -> str:
    return "yes" if kind.retryable else ""


def _meaning(kind: type[RunctlError]) -> str:
    return " ".join(docstring(kind.__doc__).split())


def run_statuses() -> Iterator[tuple[str, str]]:
    """Each way in which a run ends, with the status that runctl gives for it."""
    yield "by itself", "the script's own"
    yield "by a signal N", "128 + N"
    yield from (
        (words, code(str(exit_status(_run(**end)))))
        for words, end in (
            ("killed, or out of memory", {"state": RunState.FAILED, "signal": signal.SIGKILL}),
            ("stopped by `runctl stop`", {"state": RunState.CANCELLED, "signal": signal.SIGTERM}),
            ("by its deadline", {"state": RunState.FAILED, "ended_by": EndedBy.DEADLINE}),
            ("by its idle rule", {"state": RunState.FAILED, "ended_by": EndedBy.IDLE}),
            ("by its budget", {"state": RunState.FAILED, "ended_by": EndedBy.BUDGET}),
            ("its environment could not be made", {"state": RunState.FAILED, "ended_by": EndedBy.SETUP}),
            ("its runner died, and nobody saw the end", {"state": RunState.LOST}),
        )
    )


def _run(**end: Any) -> Run:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Run("id", "name", "project", "owner", "provider", "script", "directory", created_at=moment, **end)
