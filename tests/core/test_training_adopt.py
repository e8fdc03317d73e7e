"""Adopting: the run that a resource was made for comes into the books where its job answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from core.inventory_items import item
from runctl_core.errors import NotFound, ProviderUnavailable, ResourceNotFound
from runctl_core.executor import JobExecutor
from runctl_core.models.jobs import JobPhase, JobStatus
from runctl_core.models.marks import Mark
from runctl_core.models.money import Total
from runctl_core.models.resources import Resource
from runctl_core.models.runs import RunState
from runctl_core.tracking import ResourceTracker
from runctl_core.training.adopt import Adopted, adopt
from runctl_core.training.engine import Engine

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = {"runctl:run": "calm-crab-11", "runctl:token": "calm-crab-11-2-abc"}


class Machine:
    """A provider with one machine, whose runner knows one job."""

    def __init__(self, resource: Resource | None, job: str | None, status: JobStatus) -> None:
        self._resource, self._job, self._status = resource, job, status

    def get_resource(self, resource_id: str) -> Resource:
        if self._resource is None:
            raise ResourceNotFound(f"no {resource_id}")
        return self._resource

    def executor(self, _: Resource) -> JobExecutor:
        job, answer = self._job, self._status

        class Runner(JobExecutor):
            def status(self, handle: str) -> JobStatus:
                if job is None:
                    raise ProviderUnavailable("it cannot be reached")
                if handle != job:
                    raise NotFound(f"no job {handle}")
                return answer

        Runner.__abstractmethods__ = frozenset()  # of the others nothing is asked
        runner: JobExecutor = Runner()
        return runner


@pytest.fixture
def tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ResourceTracker]:
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path))
    with ResourceTracker(clock=lambda: NOON) as made:
        yield made


def adopted(
    tracker: ResourceTracker, resource: Resource, *, job: str | None = None, **status: Any
) -> Adopted:
    machine: Any = Machine(resource, job, JobStatus(status.pop("phase", JobPhase.RUNNING), **status))
    engine = Engine(tracker, lambda _: machine, clock=lambda: NOON)
    known = evolve(item(), resource=resource)
    return adopt(engine, machine, known, why="mine", by="me")


def test_the_attempt_is_the_one_that_the_token_names(tracker) -> None:
    found = adopted(tracker, item(tags=SECOND).resource, job="calm-crab-11-2", running_at=NOON)
    run = tracker.run("calm-crab-11")
    assert found.run == run
    assert (run.attempt, run.state, run.resource_id, run.started_at) == (2, RunState.RUNNING, "i-1", NOON)


def test_a_job_that_is_still_set_up_is_no_running_one(tracker) -> None:
    adopted(tracker, item(tags=SECOND).resource, job="calm-crab-11-2", phase=JobPhase.SETTING_UP)
    assert tracker.run("calm-crab-11").state is RunState.SETTING_UP


def test_the_machine_is_kept_at_the_end_of_an_adopted_run(tracker) -> None:
    adopted(tracker, item(tags=SECOND).resource, job="calm-crab-11-2")
    assert tracker.plan("calm-crab-11")["on_finish"] == "keep"


@pytest.mark.parametrize(
    ("tags", "job", "told"),
    [
        (SECOND, None, "it cannot be reached"),
        (SECOND, "bold-finch-18-1", "no job calm-crab-11-2"),
        ({**SECOND, "runctl:token": "abc"}, "calm-crab-11-2", "its tags do not say which job"),
    ],
)
def test_a_run_that_does_not_answer_is_told_of_and_the_resource_is_adopted_anyway(
    tracker, tags: dict[str, str], job: str | None, told: str
) -> None:
    found = adopted(tracker, item(tags=tags).resource, job=job)
    assert found.run is None
    assert told in found.why
    assert [m.mark for m in tracker.marks.all()] == [Mark.ADOPTED]
    assert not tracker.runs()


def test_a_resource_without_a_run_needs_no_explanation(tracker) -> None:
    assert adopted(tracker, item(managed=False).resource) == Adopted(None)


def test_what_is_gone_is_not_adopted(tracker) -> None:
    machine: Any = Machine(None, None, JobStatus(JobPhase.RUNNING))
    with pytest.raises(ResourceNotFound):
        adopt(Engine(tracker, lambda _: machine), machine, item(), why="", by="me")
    assert not tracker.marks.all()


def spent(tracker: ResourceTracker) -> Total:
    return tracker.costs(by="resource", until=NOON + timedelta(hours=1))["cloud/i-1"]


def test_the_cost_begins_at_the_creation_and_that_part_is_an_estimate(tracker) -> None:
    adopted(tracker, item(managed=False).resource)
    assert spent(tracker) == Total(Decimal(6), 0, Decimal(4)), "it is two hours old at noon, at $2.00/h"


def test_a_resource_that_the_books_knew_later_is_counted_from_its_creation_once(tracker) -> None:
    resource = item().resource
    tracker.record_resource(resource)
    for _ in range(2):
        adopted(tracker, resource)
    assert spent(tracker).usd == 6


def test_a_resource_of_unknown_age_costs_from_now_on(tracker) -> None:
    adopted(tracker, item(managed=False, created_at=None).resource)
    assert spent(tracker) == Total(Decimal(2))
