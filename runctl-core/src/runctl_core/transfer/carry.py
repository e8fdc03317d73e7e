"""The act: looks at source and target, and carries what the plan says; a checkpoint's manifest last."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from attrs import evolve, frozen

from runctl_core.checkpoints.manifest import SUFFIX
from runctl_core.errors import NotFound, Refused
from runctl_core.retry import retry
from runctl_core.stores.opening import PATIENCE
from runctl_core.transfer.items import Item, require_safe
from runctl_core.transfer.plan import Act, Step, decide
from runctl_core.transfer.reading import Progress, digest
from runctl_core.transfer.sources import Source
from runctl_core.transfer.targets import Target
from runctl_core.transfer.work import Workers


@frozen
class Prepared:
    """What there is to do between one source and one target.

    Attributes:
        source: Where from.
        target: Where to.
        steps: Each file with what becomes of it.
        left_out: What cannot be carried, each in words.
    """

    source: Source
    target: Target
    steps: tuple[Step, ...]
    left_out: tuple[str, ...] = ()

    def of(self, *acts: Act) -> list[Step]:
        """The steps of some kinds."""
        return [step for step in self.steps if step.act in acts]


def prepare(
    source: Source, target: Target, workers: Workers, *, rename: str | None = None, checksum: bool = False
) -> Prepared:
    """Look at both, and decide for each file; nothing is changed.

    Args:
        source: Where from.
        target: Where to.
        workers: Compares many files at once.
        rename: The name at the target of a source that is one file; its own by default.
        checksum: Whether to compare contents also where size and time agree.

    Raises:
        Refused: A name is not safe, or a folder stands where a file is to be.
    """
    items, left_out = source.items()
    require_safe(items)

    def step(item: Item) -> Step:
        name = rename or item.name
        there = target.there(name)
        if there is not None and there.is_folder:
            raise Refused(f"{name} is a folder at the target", fix="transfer to another place")

        def same_content() -> bool:
            workers.check()
            return retry(lambda: digest(source.pieces(item, 0)) == digest(target.pieces(name)), PATIENCE)

        return Step(item, name, decide(item, there, same_content, checksum=checksum), there)

    return Prepared(source, target, tuple(workers.map(step, items)), tuple(left_out))


def carry(prepared: Sequence[Prepared], workers: Workers, *, progress: Progress) -> list[Prepared]:
    """Do it, manifests of checkpoints last. A file that vanished is left out, and then so are they.

    A manifest that is to be replaced goes first: what it speaks of is not there any more, or not yet.

    Returns:
        What was done.

    Raises:
        RunctlError: What the first file met that could not be carried. The same command goes on.
    """
    for one in prepared:
        one.target.settle(one.steps)
        for step in one.of(Act.REPLACE):
            if _is_manifest(step):
                one.target.remove(step.name)
    carriers = [_Carrier(one, workers, progress) for one in prepared]
    for carrier in carriers:
        carrier.carry(carrier.data)
    gone = any(carrier.gone for carrier in carriers)
    for carrier in carriers:
        if gone:
            carrier.leave_out(carrier.manifests, "its checkpoint is not all there")
        else:
            carrier.carry(carrier.manifests)
    return [carrier.done() for carrier in carriers]


def _is_manifest(step: Step) -> bool:
    return step.name.endswith(SUFFIX)


class _Carrier:
    def __init__(self, prepared: Prepared, workers: Workers, progress: Progress) -> None:
        self._prepared, self._workers, self._told = prepared, workers, progress
        self._lock = threading.Lock()
        todo = prepared.of(Act.COPY, Act.REPLACE)
        self.data = [step for step in todo if not _is_manifest(step)]
        self.manifests = [evolve(step, there=None) for step in todo if _is_manifest(step)]
        self.gone: dict[str, str] = {}

    def carry(self, steps: Sequence[Step]) -> None:
        self._workers.map(self._one, steps)

    def leave_out(self, steps: Sequence[Step], why: str) -> None:
        self.gone |= {step.name: f"{step.name}: {why}" for step in steps}

    def done(self) -> Prepared:
        steps = tuple(step for step in self._prepared.steps if step.name not in self.gone)
        left_out = (*self._prepared.left_out, *self.gone.values())
        return evolve(self._prepared, steps=steps, left_out=left_out)

    def _one(self, step: Step) -> None:
        try:
            self._prepared.target.put(step, self._prepared.source, self._progress)
        except NotFound:
            self.leave_out([step], "deleted meanwhile")

    def _progress(self, size_bytes: int) -> None:
        self._workers.check()
        with self._lock:
            self._told(size_bytes)
