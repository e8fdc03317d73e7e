"""Stopping many runs at once, each provider's beside the others': what hangs holds nobody else's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from runctl_core.cleanup.lanes import in_lanes
from runctl_core.errors import RunctlError
from runctl_core.loading import in_words
from runctl_core.models.runs import Run
from runctl_core.training.engine import Engine
from runctl_core.training.plan import Plan
from runctl_core.training.stop import stop

_CLOSING_S = 120.0
"""How long runs may take to be closed after their grace periods."""


@frozen
class StoppedRuns:
    """What became of runs that were to be stopped.

    Attributes:
        ended: Those that are over, as they are now.
        failed: Each that is not known to be over, by its id, and why.
    """

    ended: tuple[Run, ...]
    failed: Mapping[str, str]


def stop_all(engine: Engine, runs: Sequence[Run]) -> StoppedRuns:
    """Stop runs as `stop` does, all at once: grace, results, and their machines are let go."""
    ended: dict[str, Run] = {}
    failed = {run.id: "it did not end in time" for run in runs}

    def one(run: Run) -> None:
        try:
            over = _stopped(engine, run)
        except RunctlError as error:
            failed[run.id] = error.summary
        except BaseException as error:  # whatever a plugin raises: it ends the stopping of this run alone
            failed[run.id] = in_words(error)
        else:
            ended[run.id] = over
            del failed[run.id]

    lanes: dict[str, list[Run]] = {}
    for run in runs:
        lanes.setdefault(run.provider, []).append(run)
    in_lanes(lanes, one, timeout_s=_longest_grace(engine, runs) + _CLOSING_S)
    return StoppedRuns(tuple(ended[run.id] for run in runs if run.id in ended), dict(failed))


def _stopped(engine: Engine, run: Run) -> Run:
    try:
        return stop(engine, run)
    except RunctlError:
        now = engine.tracker.run(run.id)
        if now.state.over:
            return now  # it ended by itself, or another command stopped it
        raise


def _longest_grace(engine: Engine, runs: Sequence[Run]) -> float:
    plans = [Plan.from_json(engine.tracker.plan(run.id)) for run in runs]
    return max((plan.grace_s for plan in plans), default=0.0)
