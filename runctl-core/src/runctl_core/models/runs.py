"""A run: one training of one script, over all its attempts, and the states it goes through.

    planned → provisioning → syncing → setting_up → running → collecting → succeeded
                                                                         → failed
                                                                         → cancelled
    any live state → lost, preempted;   preempted, lost, failed, cancelled → recovering → provisioning

Each change is one row in the tracker, written before the act that it announces.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from runctl_core.models.resources import Resource


class RunState(StrEnum):
    """Where a run stands."""

    PLANNED = "planned"
    PROVISIONING = "provisioning"
    SYNCING = "syncing"
    SETTING_UP = "setting_up"
    RUNNING = "running"
    COLLECTING = "collecting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PREEMPTED = "preempted"
    RECOVERING = "recovering"
    LOST = "lost"

    @property
    def over(self) -> bool:
        """Whether the run has ended, unless somebody resumes it."""
        return self in OVER

    def may_become(self, after: RunState) -> bool:
        """Whether the state machine has an arrow from this state to `after`."""
        return after in _ARROWS[self]


OVER = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.LOST})

_ENDS = frozenset({RunState.FAILED, RunState.CANCELLED, RunState.LOST, RunState.PREEMPTED})
_ARROWS: dict[RunState, frozenset[RunState]] = {
    RunState.PLANNED: _ENDS | {RunState.PROVISIONING},
    RunState.PROVISIONING: _ENDS | {RunState.SYNCING},
    RunState.SYNCING: _ENDS | {RunState.SETTING_UP},
    RunState.SETTING_UP: _ENDS | {RunState.RUNNING, RunState.COLLECTING},
    RunState.RUNNING: _ENDS | {RunState.COLLECTING},
    RunState.COLLECTING: _ENDS | {RunState.SUCCEEDED},
    RunState.PREEMPTED: _ENDS | {RunState.RECOVERING},
    RunState.RECOVERING: _ENDS | {RunState.PROVISIONING},
    RunState.SUCCEEDED: frozenset({RunState.RECOVERING}),
    RunState.FAILED: frozenset({RunState.RECOVERING}),
    RunState.CANCELLED: frozenset({RunState.RECOVERING}),
    RunState.LOST: frozenset({RunState.RECOVERING}),
}


@frozen
class Run:
    """What the tracker keeps of a run. The plan that it was started with is kept beside it as JSON.

    Attributes:
        id: A readable id, `brave-otter-41`.
        name: What the user called it; the script's name by default.
        project: The project, for filters and cost.
        owner: Who started it, `user@host` by default.
        provider: The provider of the latest attempt.
        script: The script as the user named it.
        directory: The directory that the user stood in; the script runs there.
        state: One of `RunState`.
        created_at: When it was planned.
        attempt: Counts from 1; a resume is the next attempt.
        resource_id: The resource of the latest attempt, once there is one.
        started_at: When the script of the latest attempt began.
        ended_at: When the latest attempt ended.
        exit_code: The script's exit status, when it ended by itself.
        signal: The signal that ended it, otherwise.
        ended_by: One of `models.jobs.EndedBy`, when it did not end by itself.
        reason: One line of explanation for a person.
        resumed_from: The checkpoint that the latest attempt began with.
        deadline: When the run ends at the latest, over all attempts.
        hourly_usd: The price of the latest attempt's resource; None when unknown.
    """

    id: str
    name: str
    project: str
    owner: str
    provider: str
    script: str
    directory: str
    state: RunState
    created_at: datetime
    attempt: int = 1
    resource_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    signal: int | None = None
    ended_by: str | None = None
    reason: str = ""
    resumed_from: str | None = None
    deadline: datetime | None = None
    hourly_usd: Decimal | None = None

    def owns(self, resource: Resource) -> bool:
        """Whether a resource was made for it. Ids are drawn at random: another user's run may share one."""
        return resource.run_id == self.id and resource.owner in (None, self.owner)


def handle_of(run: Run) -> str:
    """The job's id on its resource: one for each attempt."""
    return f"{run.id}-{run.attempt}"


@frozen
class RunChange:
    """One row of a run's history.

    Attributes:
        run_id: The run.
        state: The state that the run entered.
        at: When.
        attempt: During which attempt.
        detail: One line for a person: what was chosen, what failed.
    """

    run_id: str
    state: RunState
    at: datetime
    attempt: int
    detail: str = ""
