"""Why a resource must not be deleted: every rule by itself, as a pure function of facts.

What nobody knows is never in favour of a deletion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from attrs import frozen

from runctl_core.models.marks import Mark, Marked
from runctl_core.models.resources import ResourceState
from runctl_core.models.runs import RunState

if TYPE_CHECKING:
    from runctl_core.inventory import Item
    from runctl_core.models.resources import Resource
    from runctl_core.models.runs import Run, RunChange

YOUNG = timedelta(minutes=5)
"""What is younger may be part of something that is just being made."""


class Rule(StrEnum):
    """A rule of safety, in the order in which reasons are told."""

    PROTECTED = "protected"
    LIVE_RUN = "live_run"
    UNCOLLECTED = "uncollected"
    ATTACHED = "attached"
    UNKNOWN_STATE = "unknown_state"
    PROCESS = "process"
    NOT_MADE_BY_RUNCTL = "not_made_by_runctl"
    ANOTHER_OWNER = "another_owner"
    YOUNG = "young"


class Mode(StrEnum):
    """How strictly resources are judged."""

    CLEANUP = "cleanup"
    FORCED = "forced"
    PANIC = "panic"


LIFTED: Mapping[Mode, frozenset[Rule]] = {
    Mode.CLEANUP: frozenset(),
    Mode.FORCED: frozenset({Rule.ANOTHER_OWNER, Rule.YOUNG}),
    Mode.PANIC: frozenset({Rule.YOUNG}),
}
"""The rules that each mode lifts; no mode lifts another one."""

STOP_ENOUGH = frozenset({Rule.LIVE_RUN, Rule.UNCOLLECTED})
"""The rules that keep a resource from being deleted, but not from being stopped: its disks stay."""


class JobSeen(StrEnum):
    """What a resource's own executor says of the job that it was made for."""

    NOT_ASKED = "not_asked"
    LIVE = "live"
    OVER = "over"
    NONE = "none"
    SILENT = "silent"


@frozen
class Facts:
    """Everything that the rules look at.

    Attributes:
        item: The resource, with what the books say of it.
        vetoes: What plugins say against deleting it.
        driven: Whether a runctl command works on its run at this moment.
        job: What its executor says of its job.
        can_stop: Whether its provider can stop it, which keeps its disks.
        history: Every change of its run, oldest first.
    """

    item: Item
    vetoes: tuple[str, ...] = ()
    driven: bool = False
    job: JobSeen = JobSeen.NOT_ASKED
    can_stop: bool = False
    history: tuple[RunChange, ...] = ()


@frozen
class Policy:
    """Who asks, and what that user protects.

    Attributes:
        owner: The user; resources of other owners are not theirs to delete.
        protected: Ids, names, `PROVIDER/ID` and `TAG=VALUE` of what is never deleted.
    """

    owner: str
    protected: tuple[str, ...] = ()


@frozen
class Reason:
    """One rule that holds, and the evidence in words."""

    rule: Rule
    detail: str


def reasons(facts: Facts, policy: Policy, at: datetime) -> tuple[Reason, ...]:
    """Every reason that holds at the moment `at` against deleting a resource, in the rules' order."""
    found: dict[Rule, Iterable[str]] = {
        Rule.PROTECTED: protections(facts.item.resource, facts.item.marks, policy, facts.vetoes),
        Rule.LIVE_RUN: _live(facts),
        Rule.UNCOLLECTED: _uncollected(facts),
        Rule.ATTACHED: _attached(facts.item.resource),
        Rule.UNKNOWN_STATE: _unknown_state(facts.item.resource),
        Rule.PROCESS: _process(facts.item.resource),
        Rule.NOT_MADE_BY_RUNCTL: _not_made_by_runctl(facts.item),
        Rule.ANOTHER_OWNER: _another_owner(facts.item, policy.owner),
        Rule.YOUNG: _young(facts.item, at),
    }
    return tuple(Reason(rule, detail) for rule in Rule for detail in found[rule])


def standing(found: Sequence[Reason], mode: Mode) -> tuple[Reason, ...]:
    """The reasons that a mode does not lift."""
    return tuple(reason for reason in found if reason.rule not in LIFTED[mode])


def protections(
    resource: Resource, marks: Mapping[Mark, Marked], policy: Policy, vetoes: Sequence[str]
) -> list[str]:
    """Who protects a resource, in words: its tags, the user's mark, the configuration, plugins."""
    mark, key = marks.get(Mark.PROTECTED), f"{resource.provider}/{resource.id}"
    names = {resource.id, resource.name, key, *(f"{k}={v}" for k, v in resource.tags.items())}
    found = ["its tags protect it"] if resource.protected else []
    if mark is not None:
        found.append(f"{mark.by} protects it{f': {mark.why}' if mark.why else ''}")
    found += [f"the setting `protected` has {entry}" for entry in policy.protected if entry in names]
    return [*found, *vetoes]


def is_collected(run: Run, history: Sequence[RunChange], attempt: int) -> bool:
    """Whether nothing of an attempt is left on its machine alone: it came home, or never began."""
    states = [change.state for change in history if change.attempt == attempt]
    if not states:
        return False
    read = RunState.COLLECTING in states
    if states[-1] is RunState.LOST:
        # Nobody saw its end; but its runner's last word was read, and what it left was fetched.
        return read and attempt == run.attempt and run.ended_by is not None
    return states[-1].over and (read or RunState.RUNNING not in states)


def attempt_of(resource: Resource, run: Run) -> int:
    """The attempt that a resource was made for, from its token; the run's latest when it has none."""
    words = (resource.token or "").removeprefix(f"{run.id}-").split("-")
    return int(words[0]) if words[0].isdecimal() else run.attempt


def job_of(resource: Resource) -> str | None:
    """The handle of the job that a resource was made for; None for one without a run."""
    if resource.run_id is None or resource.token is None:
        return None
    return resource.token.rpartition("-")[0]


def _live(facts: Facts) -> Iterator[str]:
    run = facts.item.run
    if run is not None and not run.state.over:
        yield f"{run.id} is {run.state}"
    if facts.driven:
        yield f"another runctl command works on {facts.item.resource.run_id} right now"
    if facts.job is JobSeen.LIVE:
        yield f"the job of {facts.item.resource.run_id} still runs on it"


def _uncollected(facts: Facts) -> Iterator[str]:
    run, resource = facts.item.run, facts.item.resource
    if resource.run_id is None:
        return
    if run is None:
        yield f"these books do not know {resource.run_id}: its results may be there alone"
    elif run.state is RunState.COLLECTING or (
        run.state.over
        and facts.job is not JobSeen.NONE
        and not is_collected(run, facts.history, attempt_of(resource, run))
    ):
        yield f"the results of {run.id} are not home"


def _attached(resource: Resource) -> Iterator[str]:
    if resource.kind == "volume" and resource.attached_to:
        yield f"it is attached to {resource.attached_to}"


def _unknown_state(resource: Resource) -> Iterator[str]:
    if resource.state is ResourceState.UNKNOWN:
        yield f"{resource.provider} does not say what state it is in"


def _process(resource: Resource) -> Iterator[str]:
    if resource.kind == "process":
        yield "it is a process that runctl did not start"


def _not_made_by_runctl(item: Item) -> Iterator[str]:
    if not item.ours:
        yield "runctl did not make it, and nobody adopted it"


def _another_owner(item: Item, owner: str) -> Iterator[str]:
    theirs = item.resource.owner
    if Mark.ADOPTED in item.marks or theirs == owner:
        return
    yield "its tags do not say whose it is" if theirs is None else f"it belongs to {theirs}"


def _young(item: Item, at: datetime) -> Iterator[str]:
    since = item.created_at
    if since is None:
        yield "nobody knows how old it is"
    elif at - since < YOUNG:
        yield f"it is not {YOUNG // timedelta(minutes=1)} minutes old"
