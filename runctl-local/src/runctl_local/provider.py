"""This computer as a provider: what it offers, its slots, and the processes that occupy it."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from attrs import evolve

from runctl_core.api import (
    CapacityError,
    InvalidRequest,
    Job,
    JobExecutor,
    LaunchSpec,
    LocalTransport,
    NotFound,
    Offer,
    Price,
    ProviderUnavailable,
    Resource,
    ResourceNotFound,
    ResourceRequest,
    ResourceState,
    RunnerExecutor,
    Scope,
    TrainingProvider,
)
from runctl_local.certificates import trust
from runctl_local.gpus import GPU, gpu_processes, list_gpus
from runctl_local.processes import unmanaged
from runctl_local.settings import Settings
from runctl_local.slots import Slot, Slots

CPU = "cpu"
FREE = Price(Decimal(0), source="local")
YOUNG = timedelta(seconds=60)
"""A slot without a job keeps its GPUs so long after it was made, or while its creator lives."""

_SLOT_ID = re.compile(r"local-[0-9a-f]{12}\Z")


class SlotExecutor(RunnerExecutor):
    """Jobs in a slot's directory; they see the slot's GPUs and no others."""

    def __init__(self, root: str, gpus: tuple[str, ...]) -> None:
        super().__init__(LocalTransport(), root)
        self._visible = {"CUDA_VISIBLE_DEVICES": ",".join(gpus)}

    def start(self, job: Job) -> str:
        """Start a job with the slot's GPUs."""
        return super().start(evolve(job, env={**trust(os.environ), **job.env, **self._visible}))


class LocalProvider(TrainingProvider):
    """Trains here. Slots are free; each GPU belongs to one run at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._slots = Slots(settings.home)

    def offers(self, request: ResourceRequest) -> Iterable[Offer]:
        """`cpu`, and each number of GPUs of one kind that this computer has."""
        if request.spot or request.region is not None:
            return []
        fitting = [offer for offer in self._all_offers(request) if _fits(offer, request)]
        if request.gpu and not fitting:
            self._gpus()  # an nvidia-smi that fails is the reason, and is said instead
        return fitting

    def create_resource(self, spec: LaunchSpec) -> Resource:
        """Make a slot, with GPUs of its own when the offer has any."""
        with self._slots.locked():
            if existing := self._by_token(spec.token):
                return self._resource(existing)
            gpus = self._assign(spec.offer)
            slot = Slot(
                id=f"local-{uuid.uuid4().hex[:12]}",
                name=spec.name,
                offer=spec.offer.name,
                tags=dict(spec.tags),
                gpus=tuple(gpu.uuid for gpu in gpus),
                gpu=spec.offer.gpu,
                created_at=datetime.now(UTC),
                creator=os.getpid(),
            )
            self._slots.add(slot)
        return self._resource(slot)

    def get_resource(self, resource_id: str) -> Resource:
        """A slot, or a process that `list_resources` showed."""
        if not _SLOT_ID.match(resource_id):
            for resource in self._processes():
                if resource.id == resource_id:
                    return resource
            raise ResourceNotFound(f"there is no {resource_id} here", fix="runctl ps")
        try:
            slot = self._slots.read(resource_id)
        except FileNotFoundError as error:
            raise ResourceNotFound(f"there is no slot {resource_id}", fix="runctl ps") from error
        return self._damaged(resource_id) if slot is None else self._resource(slot)

    def list_resources(self) -> Iterable[Resource]:
        """Every slot, and the training processes that runctl did not start."""
        listed: list[Resource] = []
        for slot_id in self._slots.ids():
            try:
                listed.append(self.get_resource(slot_id))
            except ResourceNotFound:
                continue  # it went away while we looked
        return [*listed, *self._processes()]

    def terminate_resource(self, resource_id: str) -> None:
        """Kill every process of the slot's jobs, and take the slot away."""
        if not _SLOT_ID.match(resource_id):
            raise InvalidRequest(
                f"runctl did not start {resource_id}, so it does not end it",
                fix=f"kill {resource_id.split('-')[1] if '-' in resource_id else 'PID'}",
            )
        if resource_id in self._slots.ids():
            self._executor(resource_id).destroy()
            with self._slots.locked():
                self._slots.remove(resource_id)

    def executor(self, resource: Resource) -> JobExecutor:
        """Jobs run in the slot's directory; they see the slot's GPUs and no others."""
        try:
            slot = self._slots.read(resource.id)
        except FileNotFoundError as error:
            raise ResourceNotFound(f"there is no slot {resource.id}", fix="runctl ps") from error
        gpus = slot.gpus if slot else ()
        return self._executor(resource.id, gpus)

    # offers

    def _all_offers(self, request: ResourceRequest) -> list[Offer]:
        cpus, memory = len(_affinity()), _memory_bytes()
        offers = [Offer("local", CPU, FREE, vcpus=cpus, memory_bytes=memory, available=True)]
        try:
            gpus = self._gpus()
            free = {gpu.uuid for gpu in self._free(gpus)}
        except ProviderUnavailable as error:
            if request.gpu:
                raise
            return [
                Offer("local", CPU, FREE, vcpus=cpus, memory_bytes=memory, available=True, note=error.message)
            ]
        for name in sorted({gpu.name for gpu in gpus}):
            same = [gpu for gpu in gpus if gpu.name == name]
            idle = sum(gpu.uuid in free for gpu in same)
            memory_of_one = min(gpu.memory_bytes for gpu in same)
            offers += [
                Offer(
                    "local",
                    f"{name.lower().replace(' ', '-')}x{count}",
                    FREE,
                    gpu=name,
                    gpu_count=count,
                    gpu_memory_bytes=memory_of_one,
                    vcpus=cpus,
                    memory_bytes=memory,
                    available=count <= idle,
                    note="" if count <= idle else f"{idle} of {len(same)} free",
                )
                for count in range(1, len(same) + 1)
            ]
        return offers

    def _gpus(self) -> list[GPU]:
        return list_gpus(self._settings.nvidia_smi)

    def _free(self, gpus: list[GPU]) -> list[GPU]:
        """GPUs on which nothing computes and which no live slot owns."""
        taken = set(gpu_processes(self._settings.nvidia_smi).values()) if gpus else set()
        for slot_id in self._slots.ids():
            slot = self._read(slot_id)
            if slot is not None and slot.gpus and self._holds(slot):
                taken |= set(slot.gpus)
        return [gpu for gpu in gpus if gpu.uuid not in taken]

    def _assign(self, offer: Offer) -> list[GPU]:
        if not offer.gpu_count:
            return []
        free = [gpu for gpu in self._free(self._gpus()) if gpu.name == offer.gpu]
        if len(free) < offer.gpu_count:
            raise CapacityError(
                f"{len(free)} {offer.gpu} free here, {offer.gpu_count} wanted",
                fix="runctl ps shows who has them",
                scope=Scope.OFFER,
            )
        return free[: offer.gpu_count]

    # slots

    def _read(self, slot_id: str) -> Slot | None:
        try:
            return self._slots.read(slot_id)
        except FileNotFoundError:
            return None

    def _by_token(self, token: str) -> Slot | None:
        slots = (self._read(slot_id) for slot_id in self._slots.ids())
        return next((slot for slot in slots if slot and slot.tags.get("runctl:token") == token), None)

    def _executor(self, slot_id: str, gpus: tuple[str, ...] = ()) -> RunnerExecutor:
        return SlotExecutor(os.path.join(self._slots.path(slot_id), "jobs"), gpus)

    def _jobs_over(self, slot: Slot) -> bool | None:
        """Whether every job of the slot is over; None when it never had one."""
        executor = self._executor(slot.id)
        try:
            phases = [executor.status(handle).phase for handle in self._slots.jobs(slot.id)]
        except NotFound:
            return None  # it is being started right now
        return all(phase.over for phase in phases) if phases else None

    def _holds(self, slot: Slot) -> bool:
        """Whether the slot still needs its GPUs."""
        over = self._jobs_over(slot)
        if over is not None:
            return not over
        return datetime.now(UTC) - slot.created_at < YOUNG or _alive(slot.creator)

    def _resource(self, slot: Slot) -> Resource:
        over = self._jobs_over(slot)
        return Resource(
            id=slot.id,
            provider="local",
            name=slot.name,
            state=ResourceState.STARTING if over is None else ResourceState.RUNNING,
            managed=True,
            tags=slot.tags,
            price=FREE,
            created_at=slot.created_at,
            instance_type=slot.offer,
            gpu=slot.gpu,
            gpu_count=len(slot.gpus),
            note="its job is over" if over else "",
        )

    def _damaged(self, slot_id: str) -> Resource:
        return Resource(
            id=slot_id,
            provider="local",
            name=slot_id,
            state=ResourceState.UNKNOWN,
            managed=True,
            price=FREE,
            note=f"its file is damaged: {self._slots.path(slot_id)}",
        )

    def _processes(self) -> list[Resource]:
        try:
            on_gpu = gpu_processes(self._settings.nvidia_smi)
        except ProviderUnavailable:
            on_gpu = {}
        return [
            Resource(
                id=f"pid-{process.pid}-{process.started}",
                provider="local",
                name=os.path.basename(process.command[0]),
                state=ResourceState.RUNNING,
                kind="process",
                price=FREE,
                note=" ".join(process.command)[:200],
            )
            for process in unmanaged(set(on_gpu))
        ]


def _fits(offer: Offer, request: ResourceRequest) -> bool:
    if request.instance_type is not None and offer.name != request.instance_type:
        return False
    if request.gpu is not None:
        same = (offer.gpu or "").lower() == request.gpu.lower()
        if not same or offer.gpu_count < max(1, request.gpu_count):
            return False
    elif offer.gpu is not None and request.instance_type is None:
        return False
    if request.max_hourly_usd is not None and request.max_hourly_usd < 0:
        return False
    return offer.vcpus >= request.vcpus and offer.memory_bytes >= request.memory_bytes


def _affinity() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
