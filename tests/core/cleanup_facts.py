"""A resource that may be deleted, and each fact that changes this, for the tests of cleanup."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from attrs import evolve

from runctl_core.cleanup import Facts, JobSeen, Policy, Rule
from runctl_core.inventory import Item
from runctl_core.models.marks import Mark, Marked
from runctl_core.models.money import Price
from runctl_core.models.resources import Resource, ResourceState
from runctl_core.models.runs import Run, RunChange, RunState

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ME = "me@here"
POLICY = Policy(ME, ("keep-me", "team=research"))
TAGS = {"runctl:owner": ME, "runctl:run": "calm-crab-11", "runctl:token": "calm-crab-11-1-0123456789ab"}


def run(state: RunState = RunState.SUCCEEDED, **fields: Any) -> Run:
    """The run that the resource was made for."""
    return Run("calm-crab-11", "n", "p", ME, "cloud", "s.py", "/", state, NOON, resource_id="i-1", **fields)


def history(*states: RunState, attempt: int = 1) -> tuple[RunChange, ...]:
    """The changes of the run."""
    return tuple(RunChange("calm-crab-11", state, NOON, attempt) for state in states)


def resource(**fields: Any) -> Resource:
    """A machine of mine that is two hours old; `tags` are added."""
    tags = {**TAGS, **fields.pop("tags", {})}
    given = {
        "id": "i-1",
        "provider": "cloud",
        "name": "crab",
        "state": ResourceState.RUNNING,
        "managed": True,
        "price": Price(Decimal("2.50")),
        "created_at": NOON - timedelta(hours=2),
    }
    return Resource(**{**given, **fields}, tags={k: v for k, v in tags.items() if v is not None})


def item(**fields: Any) -> Item:
    """That machine as the inventory has it."""
    given: dict[str, Any] = {
        "resource": resource(),
        "problem": "",
        "first_seen": NOON - timedelta(hours=2),
        "last_seen": NOON,
        "run": run(),
        "marks": {},
    }
    return Item(**{**given, **fields})


COLLECTED = history(RunState.RUNNING, RunState.COLLECTING, RunState.SUCCEEDED)
SAFE = Facts(item(), history=COLLECTED)
"""Nothing speaks against deleting this one."""


def marked(mark: Mark) -> Marked:
    """A mark on it."""
    return Marked("cloud", "i-1", mark, "", "ann", NOON)


def _seen(facts: Facts, **fields: Any) -> Facts:
    """The facts with other fields of the resource; tags are added to those that it has."""
    tags = {**facts.item.resource.tags, **fields.pop("tags", {})}
    kept = {key: value for key, value in tags.items() if value is not None}
    return evolve(facts, item=evolve(facts.item, resource=evolve(facts.item.resource, tags=kept, **fields)))


def _with_run(facts: Facts, found: Run | None, changes: tuple[RunChange, ...] = ()) -> Facts:
    return evolve(facts, item=evolve(facts.item, run=found), history=changes)


def _young(facts: Facts) -> Facts:
    return _seen(facts, created_at=NOON - timedelta(minutes=4, seconds=59))


def _of_no_age(facts: Facts) -> Facts:
    return evolve(
        _seen(facts, created_at=None), item=evolve(_seen(facts, created_at=None).item, first_seen=None)
    )


def _protected_mark(facts: Facts) -> Facts:
    marks = {**facts.item.marks, Mark.PROTECTED: marked(Mark.PROTECTED)}
    return evolve(facts, item=evolve(facts.item, marks=marks))


_LOST = (RunState.RUNNING, RunState.LOST)

CHANGES: dict[str, tuple[Rule, Callable[[Facts], Facts]]] = {
    "tag": (Rule.PROTECTED, lambda f: _seen(f, tags={"runctl:protected": "true"})),
    "configured name": (Rule.PROTECTED, lambda f: _seen(f, name="keep-me")),
    "configured tag": (Rule.PROTECTED, lambda f: _seen(f, tags={"team": "research"})),
    "mark": (Rule.PROTECTED, _protected_mark),
    "veto": (Rule.PROTECTED, lambda f: evolve(f, vetoes=("the plugin p: no",))),
    "young": (Rule.YOUNG, _young),
    "of no age": (Rule.YOUNG, _of_no_age),
    "live run": (Rule.LIVE_RUN, lambda f: _with_run(f, run(RunState.RUNNING), history(RunState.RUNNING))),
    "driven": (Rule.LIVE_RUN, lambda f: evolve(f, driven=True)),
    "live job": (Rule.LIVE_RUN, lambda f: evolve(f, job=JobSeen.LIVE)),
    "unknown run": (Rule.UNCOLLECTED, lambda f: _with_run(f, None)),
    "lost run": (Rule.UNCOLLECTED, lambda f: _with_run(f, run(RunState.LOST), history(*_LOST))),
    "another owner": (Rule.ANOTHER_OWNER, lambda f: _seen(f, tags={"runctl:owner": "bob@there"})),
    "no owner": (Rule.ANOTHER_OWNER, lambda f: _seen(f, tags={"runctl:owner": None})),
    "not made by runctl": (Rule.NOT_MADE_BY_RUNCTL, lambda f: _seen(f, managed=False)),
    "unknown state": (Rule.UNKNOWN_STATE, lambda f: _seen(f, state=ResourceState.UNKNOWN)),
    "attached volume": (Rule.ATTACHED, lambda f: _seen(f, kind="volume", attached_to="i-9")),
    "process": (Rule.PROCESS, lambda f: _seen(f, kind="process")),
}
"""What makes a resource unfit to be deleted: the rule that then holds, and the change of the facts."""
