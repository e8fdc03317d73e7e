"""The act: looks at source and target, and carries what the plan says; a checkpoint's manifest last."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from attrs import evolve, frozen

from runctl_core.errors import NotFound, Refused
from runctl_core.transfer.items import Item, require_safe
from runctl_core.transfer.plan import Act, Step, decide
from runctl_core.transfer.reading import Progress, digest
from runctl_core.transfer.sources import Source
from runctl_core.transfer.targets import Target
from runctl_core.transfer.work import Workers

_MANIFEST = ".manifest.json"


@frozen
class Prepared:
    """What a transfer has to do.

    Attributes:
        steps: Each file with what becomes of it.
        left_out: What cannot be carried, each in words.
    """

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
            return digest(source.pieces(item, 0)) == digest(target.pieces(name))

        return Step(item, name, decide(item, there, same_content, checksum=checksum), there)

    return Prepared(tuple(workers.map(step, items)), tuple(left_out))


def carry(
    prepared: Prepared,
    source: Source,
    target: Target,
    workers: Workers,
    *,
    progress: Progress,
) -> Prepared:
    """Do it. A file that vanished meanwhile is left out, and so are then all manifests.

    A manifest that is to be replaced goes first: what it speaks of is not there any more, or not yet.

    Returns:
        What was done.

    Raises:
        RunctlError: What the first file met that could not be carried. The same command goes on.
    """
    target.settle(prepared.steps)
    todo = prepared.of(Act.COPY, Act.REPLACE)
    manifests = [step for step in todo if step.name.endswith(_MANIFEST)]
    for step in manifests:
        if step.act is Act.REPLACE:
            target.remove(step.name)
    carrier = _Carrier(source, target, workers, progress)
    carrier.carry([step for step in todo if not step.name.endswith(_MANIFEST)])
    if carrier.gone:
        carrier.leave_out(manifests, "its checkpoint is not all there")
    else:
        carrier.carry([evolve(step, there=None) for step in manifests])
    done = tuple(step for step in prepared.steps if step.item.name not in carrier.gone)
    return Prepared(done, (*prepared.left_out, *carrier.gone.values()))


class _Carrier:
    def __init__(self, source: Source, target: Target, workers: Workers, progress: Progress) -> None:
        self._source, self._target, self._workers, self._told = source, target, workers, progress
        self._lock = threading.Lock()
        self.gone: dict[str, str] = {}

    def carry(self, steps: Sequence[Step]) -> None:
        self._workers.map(self._one, steps)

    def leave_out(self, steps: Sequence[Step], why: str) -> None:
        self.gone |= {step.item.name: f"{step.name}: {why}" for step in steps}

    def _one(self, step: Step) -> None:
        try:
            self._target.put(step, self._source, self._progress)
        except NotFound:
            self.leave_out([step], "deleted meanwhile")

    def _progress(self, size_bytes: int) -> None:
        self._workers.check()
        with self._lock:
            self._told(size_bytes)
