"""A provider that shows what is not so: no money leaves the books, and nothing is made outside of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from core.fake_cloud import DOLLAR, Cloud, CloudExecutor, CloudProvider
from core.processes import Commands
from runctl_core import shown
from runctl_core.cleanup.release import release
from runctl_core.errors import ProviderUnavailable, UnknownOutcome
from runctl_core.inventory import Item, known_inventory, take_inventory
from runctl_core.models.jobs import Job, JobPhase, JobStatus, Usage
from runctl_core.models.money import Price
from runctl_core.models.processes import Process
from runctl_core.models.resources import LaunchSpec, Resource, ResourceState
from runctl_core.models.runs import RunState
from runctl_core.tracking import ResourceTracker
from runctl_core.training.adopt import adopt

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Liar(CloudProvider):
    """Shows a machine as it is told, and not as it is."""

    def __init__(self, cloud: Cloud, **lies: Any) -> None:
        super().__init__(cloud)
        self.lies = lies

    def create_resource(self, spec: LaunchSpec) -> Resource:
        """Make it, and lie."""
        return evolve(super().create_resource(spec), **self.lies)

    def get_resource(self, resource_id: str) -> Resource:
        """Find it, and lie."""
        return evolve(super().get_resource(resource_id), **self.lies)


@pytest.fixture
def tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ResourceTracker]:
    monkeypatch.setenv("RUNCTL_STATE_DIR", str(tmp_path / "state"))
    with ResourceTracker(str(tmp_path / "state.db"), clock=lambda: NOON) as made:
        yield made


def machine(tracker: ResourceTracker, cloud: Cloud, **tags: str) -> Resource:
    """A machine that is in the books."""
    spec = LaunchSpec("token", "m", cloud.offers[0], tags)
    made = CloudProvider(cloud).create_resource(spec)
    tracker.record_resource(made)
    return made


def listed(tracker: ResourceTracker, *resources: Resource) -> Any:
    """The inventory when the cloud lists just these."""

    class Lister(CloudProvider):
        def list_resources(self) -> list[Resource]:
            return list(resources)

    return take_inventory(tracker, ["cloud"], lambda _: Lister(Cloud()), timeout_s=20, clock=lambda: NOON)


@pytest.mark.parametrize("usd", ["Infinity", "-Infinity", "NaN", "sNaN", "-1", "1E+9", "1E+999999"])
def test_a_price_that_no_sum_can_hold_is_none(usd: str) -> None:
    with pytest.raises(ValueError, match="an hour does not cost"):
        Price(Decimal(usd))


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_with_one_id_that_which_may_cost_money_is_shown(tracker: ResourceTracker, order: int) -> None:
    there = machine(tracker, Cloud())
    found = listed(tracker, *[there, evolve(there, state=ResourceState.TERMINATED)][::order])
    assert [item.resource.state for item in found.items] == [ResourceState.RUNNING]
    assert tracker.burn()["cloud"].hourly_usd == DOLLAR.hourly_usd


@pytest.mark.parametrize(
    "moment",
    [
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
        datetime(1, 1, 1, tzinfo=UTC),
    ],
)
def test_a_moment_that_no_clock_showed_does_not_come_into_the_books(
    tracker: ResourceTracker, moment: datetime
) -> None:
    made = machine(tracker, Cloud())
    found = listed(tracker, evolve(made, id="m-other", created_at=moment))
    assert "created_at" in found.problems["cloud"].summary
    assert [tracked.resource.id for tracked in tracker.resources()] == [made.id], "the old one is lost"


def test_an_end_in_tags_that_no_clock_shows_is_no_end() -> None:
    tags = {"runctl:expires": "0001-01-01T00:00:00+14:00"}
    made = Resource("i", "cloud", "i", ResourceState.RUNNING, tags=tags)
    assert made.expires_at is None


def test_what_is_shown_of_another_resource_says_nothing_of_this_one(tracker: ResourceTracker) -> None:
    cloud = Cloud()
    made = machine(tracker, cloud)
    liar = Liar(cloud, id="m-999", state=ResourceState.TERMINATED)
    cloud.refusal = ProviderUnavailable("not now")
    problem = release(tracker, liar, "cloud", made.id, why=["a test"], patience_s=0)
    assert problem, "it is said to be gone, and it bills"
    assert [tracked.resource.id for tracked in tracker.resources()] == [made.id]


def lying(monkeypatch: pytest.MonkeyPatch, method: str, **lies: Any) -> None:
    """From now on the cloud shows what this method gives with other fields."""
    honest = getattr(CloudProvider, method)
    monkeypatch.setattr(CloudProvider, method, lambda *asked: evolve(honest(*asked), **lies))


def test_what_calls_itself_another_providers_is_kept_under_the_one_that_was_asked(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.train(on_finish="keep")
    commands.cloud.end_job(commands.cloud.alive()[0], exit_code=0)
    lying(monkeypatch, "get_resource", provider="elsewhere", price=Price(Decimal(9)))
    commands.ps()
    commands.ps()
    (kept,) = commands.books.resources()
    assert (kept.resource.provider, kept.resource.price.hourly_usd) == ("cloud", Decimal(9))


def test_a_machine_that_is_shown_wrongly_when_it_is_made_is_found_by_its_intent(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    lying(monkeypatch, "create_resource", vcpus="four")
    with pytest.raises(UnknownOutcome):
        commands.train()
    commands.ps()
    assert not commands.cloud.alive(), "it bills, and nobody knows of it"


@pytest.mark.parametrize("run_id", ["../../escaped", "HERE/escaped", "a" * 101, "a b", "..", ""])
def test_tags_name_no_folder_outside_of_ours(commands: Commands, tmp_path: Path, run_id: str) -> None:
    run_id = run_id.replace("HERE", str(tmp_path))
    cloud = commands.cloud
    spec = LaunchSpec("t", "m", cloud.offers[0], {"runctl:run": run_id, "runctl:token": f"{run_id}-1-0"})
    made = CloudProvider(cloud).create_resource(spec)
    cloud.machines[made.id].job = Job(id=f"{run_id}-1", command=("true",), workdir="/")
    cloud.machines[made.id].status = JobStatus(JobPhase.RUNNING)
    item = Item(made, last_seen=cloud.now)
    with commands.process() as engine:
        adopted = adopt(engine, CloudProvider(cloud), item, why="", by="me")
    assert (adopted.run, commands.books.runs()) == (None, [])
    assert "which job" in adopted.why
    assert not (tmp_path / "escaped").exists(), "a folder was made where the tags of a resource said"


def test_half_characters_in_a_providers_words_hide_nothing(tracker: ResourceTracker) -> None:
    cloud = Cloud(refusal=ProviderUnavailable("bad \udc80 word", why="\ud800"))
    made = machine(tracker, cloud)
    release(tracker, CloudProvider(cloud), "cloud", made.id, why=["a test"], patience_s=0)
    (item,) = known_inventory(tracker).items
    assert item.problem == "bad \\udc80 word: \\ud800"
    assert tracker.audit.rows()[-1].detail == item.problem


class Measures(CloudExecutor):
    """Tells of its job whatever it is told to."""

    told: Any = None

    def usage(self, handle: str) -> Any:
        """What a job uses, or what else there is."""
        return self.told()

    def processes(self, handle: str) -> Any:
        """Its processes, likewise."""
        return self.told()


def _hangs() -> None:
    threading.Event().wait()


WRONG: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "words": lambda: ["busy"],
    "a moment without a zone": lambda: [Usage(NOON.replace(tzinfo=None), 1.0, 1, 1)],
    "no number": lambda: [Usage(NOON, float("nan"), 1, 1)],
    "text": lambda: [Usage(NOON, "1", 1, 1)],  # type: ignore[arg-type]
    "a hang": _hangs,
}


@pytest.mark.parametrize("told", WRONG)
def test_a_run_ends_and_lets_go_whatever_its_machine_tells_of_its_use(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    monkeypatch.setattr(shown, "DIAGNOSIS_TIMEOUT_S", 0.2)
    monkeypatch.setattr(CloudExecutor, "usage", lambda *_: WRONG[told]())
    commands.train()
    commands.cloud.end_job(commands.cloud.alive()[0], exit_code=0)
    commands.ps()
    assert commands.the_run().state is RunState.SUCCEEDED
    assert not commands.cloud.alive(), "the machine bills on, for a figure that nobody needs"


@pytest.mark.parametrize("told", WRONG)
@pytest.mark.parametrize("ask", [shown.usage_of, shown.processes_of])
def test_what_is_wrong_with_a_diagnosis_is_the_machines_fault_and_takes_no_time(
    monkeypatch: pytest.MonkeyPatch, told: str, ask: Callable[[Any, str], Any]
) -> None:
    monkeypatch.setattr(shown, "DIAGNOSIS_TIMEOUT_S", 0.2)
    monkeypatch.setattr(Measures, "told", staticmethod(WRONG[told]))
    with pytest.raises(ProviderUnavailable):
        ask(Measures.__new__(Measures), "calm-crab-11-1")


@pytest.mark.parametrize(
    "figures", [{"cpu_percent": float("nan")}, {"elapsed_s": float("inf")}, {"user": None}, {"command": (5,)}]
)
def test_a_process_that_no_table_can_show_is_none(figures: dict[str, Any]) -> None:
    right = {"user": "me", "command": ("a",), "cpu_percent": 1.0, "memory_bytes": 1, "elapsed_s": 1.0}
    with pytest.raises((ValueError, TypeError)):
        Process(pid=1, parent=0, **{**right, **figures})
