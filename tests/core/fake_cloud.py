"""A cloud in memory that keeps every promise of the provider contract, and misbehaves only as told.

What it holds outlives any engine, as a real cloud does. A `Fate` ends "this process" at a chosen
step: from then on nothing that the process tries has an effect, as after kill -9.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from attrs import define, evolve, field

from runctl_core.errors import NotFound, ResourceNotFound, RunctlError, UnknownOutcome
from runctl_core.executor import JobExecutor
from runctl_core.models.jobs import EndedBy, Job, JobPhase, JobStatus
from runctl_core.models.money import Price
from runctl_core.models.resources import LaunchSpec, Offer, Resource, ResourceRequest, ResourceState
from runctl_core.provider import TrainingProvider
from runctl_core.tracking import ResourceTracker

DOLLAR = Price(Decimal("3.60"), source="test")


class Crash(BaseException):
    """This process is dead; nothing it still tries has an effect."""


class Fate:
    """Counts the steps of a process, and ends it at the chosen one; never by default."""

    def __init__(self, steps: int | None = None) -> None:
        self.left = steps
        self.dead = False

    def step(self) -> None:
        """Go on, or die."""
        if self.left is not None and self.left <= 0:
            self.dead = True
        if self.dead:
            raise Crash
        if self.left is not None:
            self.left -= 1


@define
class Machine:
    """What the cloud has: a machine, the job on it, and how both are."""

    resource: Resource
    visible_at: datetime
    job: Job | None = None
    status: JobStatus = JobStatus(JobPhase.STARTING)
    gone: bool = False


@define
class Cloud:
    """The cloud itself.

    Attributes:
        now: The time there and here.
        offers: What it offers.
        delay_s: How long a new machine is not shown.
        creates: What becomes of the next creates, in order: an error refuses; `("lost", made)` is an
            UnknownOutcome, with or without a machine; `("dearer", price)` asks for more.
        starts: The same for starts of jobs.
        ending_s: How long a termination takes.
        refusal: The error that every termination gets, while there is one.
        machines: Everything it ever made.
    """

    now: datetime = datetime(2026, 11, 24, tzinfo=UTC)
    offers: list[Offer] = field(factory=lambda: [Offer("cloud", "small", DOLLAR)])
    delay_s: float = 0.0
    creates: list[Any] = field(factory=list)
    starts: list[Any] = field(factory=list)
    ending_s: float = 0.0
    refusal: RunctlError | None = None
    machines: dict[str, Machine] = field(factory=dict)

    def clock(self) -> datetime:
        """The present moment."""
        return self.now

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def alive(self) -> list[Machine]:
        """What it bills for."""
        return [machine for machine in self.machines.values() if not machine.gone]

    def busy(self, run_id: str) -> list[Machine]:
        """The machines on which a job of a run goes on."""
        mine = [m for m in self.alive() if m.resource.run_id == run_id]
        return [m for m in mine if m.job is not None and not m.status.phase.over]

    def end_job(self, machine: Machine, **fields: Any) -> None:
        """The script on a machine ends."""
        machine.status = evolve(machine.status, phase=JobPhase.FINISHED, ended_at=self.now, **fields)


class CloudProvider(TrainingProvider):
    """The cloud as one process sees it, until the process's fate."""

    shares_files = True

    def __init__(self, cloud: Cloud, fate: Fate | None = None) -> None:
        self.cloud = cloud
        self.fate = fate or Fate()
        self.listing_delay_s = cloud.delay_s

    def offers(self, request: ResourceRequest) -> list[Offer]:
        """Whatever it offers."""
        return self.cloud.offers

    def create_resource(self, spec: LaunchSpec) -> Resource:
        """Make a machine, unless told otherwise."""
        self.fate.step()
        answer = self.cloud.creates.pop(0) if self.cloud.creates else None
        if isinstance(answer, BaseException):
            raise answer
        kind, detail = answer or ("made", None)
        resource = self._make(spec) if (kind, detail) != ("lost", False) else None
        self.fate.step()
        if kind == "lost" or resource is None:
            raise UnknownOutcome("the connection broke")
        return evolve(resource, price=detail) if kind == "dearer" else resource

    def _make(self, spec: LaunchSpec) -> Resource:
        cloud = self.cloud
        resource = Resource(
            id=f"m-{len(cloud.machines)}",
            provider="cloud",
            name=spec.name,
            state=ResourceState.RUNNING,
            managed=True,
            tags=spec.tags,
            price=spec.offer.price,
            created_at=cloud.now,
        )
        cloud.machines[resource.id] = Machine(resource, cloud.now + timedelta(seconds=cloud.delay_s))
        return resource

    def _seen(self, resource_id: str) -> Machine:
        machine = self.cloud.machines.get(resource_id)
        if machine is None or machine.gone or machine.visible_at > self.cloud.now:
            raise ResourceNotFound(f"no {resource_id}")
        return machine

    def get_resource(self, resource_id: str) -> Resource:
        """A machine that is there and shown."""
        return self._seen(resource_id).resource

    def list_resources(self) -> list[Resource]:
        """Every machine that is there and shown."""
        return [m.resource for m in self.cloud.alive() if m.visible_at <= self.cloud.now]

    def terminate_resource(self, resource_id: str) -> None:
        """End a machine, and the job on it, unless termination is refused."""
        self.fate.step()
        if self.cloud.refusal is not None:
            raise self.cloud.refusal
        if resource_id in self.cloud.machines:
            self.cloud.wait(self.cloud.ending_s)
            self.cloud.machines[resource_id].gone = True
        self.fate.step()

    def executor(self, resource: Resource) -> JobExecutor:
        """The jobs of a machine."""
        return CloudExecutor(self, resource.id)


class CloudExecutor(JobExecutor):
    """One job on one machine; its log says which."""

    shares_files = True

    def __init__(self, provider: CloudProvider, resource_id: str) -> None:
        self._provider = provider
        self._machine = provider.cloud.machines[resource_id]

    def start(self, job: Job) -> str:
        """Start a job, unless told otherwise."""
        self._provider.fate.step()
        answer = self._provider.cloud.starts.pop(0) if self._provider.cloud.starts else None
        if isinstance(answer, BaseException):
            raise answer
        known = self._machine.job is not None and self._machine.job.id == job.id
        if answer != ("lost", False) and not known:
            self._machine.job = job
            now = self._provider.cloud.now
            self._machine.status = JobStatus(JobPhase.RUNNING, started_at=now, running_at=now)
        self._provider.fate.step()
        if answer:
            raise UnknownOutcome("the connection broke")
        return job.id

    def status(self, handle: str) -> JobStatus:
        """How the job is."""
        if self._machine.gone or self._machine.job is None or self._machine.job.id != handle:
            raise NotFound(f"no job {handle}")
        return self._machine.status

    def logs(self, handle: str, offset: int, *, limit: int = 1 << 20, log: Any = "job") -> bytes:
        """A line, when the job is there."""
        self.status(handle)
        return f"log of {handle}\n".encode()[offset : offset + limit] if log == "job" else b""

    def cancel(self, handle: str, grace_s: float) -> None:
        """End the job at once."""
        if not self.status(handle).phase.over:
            self._provider.cloud.end_job(self._machine, signal=15, ended_by=EndedBy.CANCEL)

    def fetch(self, handle: str, path: str, to: str) -> None:
        """There are no files."""
        raise NotFound(path)

    def usage(self, handle: str) -> Sequence[Any]:
        """Nobody measures."""
        return ()

    def exec(self, handle: str, argv: Sequence[str]) -> int:
        """Every program ends well."""
        return 0


def mortal_tracker(path: str, cloud: Cloud, fate: Fate) -> ResourceTracker:
    """The books as one process writes them: its fate may strike before and after each transaction."""
    tracker = ResourceTracker(path, clock=cloud.clock)
    whole = tracker._store.writing

    @contextmanager
    def writing() -> Iterator[Any]:
        fate.step()
        with whole() as db:
            yield db
        fate.step()

    tracker._store.writing = writing  # type: ignore[method-assign]
    return tracker
