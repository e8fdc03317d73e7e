"""This computer as a provider: what it offers, its slots, and the processes that occupy it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

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
    ProviderUnavailable,
    Resource,
    ResourceNotFound,
    ResourceRequest,
    ResourceState,
    RunnerExecutor,
    Scope,
    StateError,
    TrainingProvider,
)
from runctl_local.certificates import trust
from runctl_local.gpus import GPU, gpu_processes, list_gpus
from runctl_local.offers import CPU, FREE, cpu_offer, fits, gpu_offers
from runctl_local.processes import identity, unmanaged
from runctl_local.settings import Settings
from runctl_local.slots import Slot, Slots, is_slot
from runctl_local.unsupported import refuse_unsupported

YOUNG = timedelta(seconds=60)
"""A slot without a job keeps its GPUs so long after it was made, or while its creator lives."""

_PROCESS = "pid-"


class SlotExecutor(RunnerExecutor):
    """Jobs in a slot's directory; they see the slot's GPUs and no others."""

    def __init__(self, root: str, gpus: tuple[str, ...]) -> None:
        super().__init__(LocalTransport(), root, env={"CUDA_VISIBLE_DEVICES": ",".join(gpus)})

    def start(self, job: Job) -> str:
        """Start a job that trusts whom this computer's owner trusts."""
        return super().start(evolve(job, env={**trust(os.environ), **job.env}))


class LocalProvider(TrainingProvider):
    """Trains here. Each GPU belongs to one run at a time; what an hour costs is a setting."""

    shares_files = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._slots = Slots(settings.home)

    def offers(self, request: ResourceRequest) -> Iterable[Offer]:
        """`cpu`, and each number of GPUs of one kind that this computer has.

        Raises:
            ProviderUnavailable: A GPU is wanted, and `nvidia-smi` does not tell which are here.
        """
        try:
            gpus = list_gpus(self._settings.nvidia_smi)
            every = [cpu_offer(), *gpu_offers(gpus, self._free(gpus))]
        except ProviderUnavailable as error:
            if request.gpu or request.instance_type not in (None, CPU):
                raise
            every = [cpu_offer(note=error.message)]
        priced = [evolve(offer, price=self._settings.price) for offer in every]
        return [offer for offer in priced if fits(offer, request)]

    def create_resource(self, spec: LaunchSpec) -> Resource:
        """Make a slot, with GPUs of its own when the offer has any."""
        refuse_unsupported(spec)
        with self._slots.locked():
            if existing := self._by_token(spec.token):
                return self._resource(existing)
            gpus = self._assign(spec.offer)
            slot = Slot(
                id=f"local-{uuid.uuid4().hex[:12]}",
                name=spec.name,
                offer=spec.offer.name,
                token=spec.token,
                tags=spec.tags,
                gpus=tuple(gpu.uuid for gpu in gpus),
                gpu=spec.offer.gpu,
                created_at=datetime.now(UTC),
                creator=identity(os.getpid()),
            )
            self._slots.add(slot)
        return self._resource(slot)

    def get_resource(self, resource_id: str) -> Resource:
        """A slot, or a process that `list_resources` showed."""
        if not is_slot(resource_id):
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
        if resource_id.startswith(_PROCESS):
            pid = resource_id.removeprefix(_PROCESS).partition("-")[0]
            raise InvalidRequest(
                f"runctl did not start {resource_id}, so it does not end it", fix=f"kill {pid}"
            )
        if self._slots.has(resource_id):
            try:
                self._executor(resource_id).destroy()
            except StateError:
                if self._slots.has(resource_id):
                    raise  # else another call took the slot away meanwhile
            with self._slots.locked():
                self._slots.remove(resource_id)

    def executor(self, resource: Resource) -> JobExecutor:
        """Jobs run in the slot's directory; they see the slot's GPUs and no others."""
        try:
            slot = self._slots.read(resource.id)
        except FileNotFoundError as error:
            raise ResourceNotFound(f"there is no slot {resource.id}", fix="runctl ps") from error
        return self._executor(resource.id, slot.gpus if slot else ())

    # GPUs

    def _free(self, gpus: list[GPU]) -> list[GPU]:
        """GPUs on which nothing computes and which no slot needs; none while nobody can tell."""
        if not gpus or self._secretive():
            return []
        taken = {uuid for _, uuid in gpu_processes(self._settings.nvidia_smi)}
        for slot in self._readable():
            if slot.gpus and self._holds(slot):
                taken |= set(slot.gpus)
        return [gpu for gpu in gpus if gpu.uuid not in taken]

    def _secretive(self) -> list[str]:
        """Damaged slots that still need their GPUs, whichever those are."""
        damaged = [slot_id for slot_id in self._slots.ids() if self._is_damaged(slot_id)]
        return [slot_id for slot_id in damaged if self._jobs_over(slot_id) is not True]

    def _assign(self, offer: Offer) -> list[GPU]:
        if not offer.gpu_count:
            return []
        free = [gpu for gpu in self._free(list_gpus(self._settings.nvidia_smi)) if gpu.name == offer.gpu]
        if len(free) >= offer.gpu_count:
            return free[: offer.gpu_count]
        damaged = ", ".join(self._slots.path(slot_id) for slot_id in self._secretive())
        raise CapacityError(
            f"{len(free)} {offer.gpu} free here, {offer.gpu_count} wanted",
            why=f"nobody can tell which GPUs belong to {damaged}" if damaged else "",
            fix="stop its run, or remove it" if damaged else "runctl ps shows who has them",
            scope=Scope.OFFER,
        )

    def _holds(self, slot: Slot) -> bool:
        """Whether the slot still needs its GPUs."""
        over = self._jobs_over(slot.id)
        if over is not None:
            return not over
        return datetime.now(UTC) - slot.created_at < YOUNG or _lives(slot.creator)

    # slots

    def _read(self, slot_id: str) -> Slot | None:
        try:
            return self._slots.read(slot_id)
        except FileNotFoundError:
            return None

    def _is_damaged(self, slot_id: str) -> bool:
        try:
            return self._slots.read(slot_id) is None
        except FileNotFoundError:
            return False

    def _readable(self) -> Iterator[Slot]:
        return filter(None, map(self._read, self._slots.ids()))

    def _by_token(self, token: str) -> Slot | None:
        return next((slot for slot in self._readable() if slot.token == token), None)

    def _executor(self, slot_id: str, gpus: tuple[str, ...] = ()) -> RunnerExecutor:
        return SlotExecutor(os.path.join(self._slots.path(slot_id), "jobs"), gpus)

    def _jobs_over(self, slot_id: str) -> bool | None:
        """Whether every job of the slot is over; None when it never had one."""
        executor = self._executor(slot_id)
        try:
            phases = [executor.status(handle).phase for handle in self._slots.jobs(slot_id)]
        except NotFound:
            return None  # it is being started right now
        except StateError:
            return False  # nobody can tell, so it is taken for one that runs
        return all(phase.over for phase in phases) if phases else None

    def _resource(self, slot: Slot) -> Resource:
        over = self._jobs_over(slot.id)
        return Resource(
            id=slot.id,
            provider="local",
            name=slot.name,
            state=ResourceState.RUNNING,
            managed=True,
            tags=slot.tags,
            price=self._settings.price,
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
            price=self._settings.price,
            note=f"its file is damaged: {self._slots.path(slot_id)}",
        )

    def _processes(self) -> list[Resource]:
        try:
            on_gpu = {pid for pid, _ in gpu_processes(self._settings.nvidia_smi)}
        except ProviderUnavailable:
            on_gpu = set()
        return [
            Resource(
                id=f"{_PROCESS}{process.identity}",
                provider="local",
                name=os.path.basename(process.command[0]),
                state=ResourceState.RUNNING,
                kind="process",
                price=FREE,
                note=" ".join(process.command)[:200],
            )
            for process in unmanaged(on_gpu)
        ]


def _lives(creator: str) -> bool:
    return identity(int(creator.partition("-")[0] or 0)) == creator
